"""The commands `emulator send` and `emulator health`: use a running emulator from a shell."""

import re
import time
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import click
import orjson

from segment_insider_emulator.cli.inputs import emulator_url_option
from segment_insider_emulator.clock import parse_duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.segment_spec import (
    CALL_TYPES,
    ECOMMERCE_EVENT_PROPERTIES,
    PRODUCT_PROPERTIES,
)
from segment_insider_emulator.terminal_output import print_json, print_lines
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.client_http import CONNECTION_ERRORS

POLL_INTERVAL_S: Final = 0.1
MAX_FILE_BYTES: Final = 500_000  # Segment takes no larger batch
# Verdicts of a message that Insider One uses, or that this cannot be said of yet.
GOOD_VERDICTS: Final = ("accepted", "warning", "retrying")
_NAME_FIELDS: Final = {"track": "event", "group": "groupId", "alias": "previousId"}
_FIELD_PATTERN: Final = re.compile(r"(?P<name>[^=:]+)(?P<kind>:=@|=@|:=|=)(?P<text>.*)", re.DOTALL)
_FIELD_HINT: Final = "Write name=text, name:=JSON, name=@FILE or name:=@FILE.json."
# Values of Segment's spec that are no texts, for --sample.
_SAMPLE_VALUES: Final[dict[str, JSON]] = {
    "price": 8.5, "quantity": 2, "position": 1, "value": 17, "total": 17, "revenue": 15,
    "subtotal": 15, "shipping": 2, "tax": 1.5, "discount": 1, "step": 1, "currency": "EUR",
    "url": "https://shop.example/products/mug", "image_url": "https://shop.example/mug.jpg",
    "name": "Blue mug", "category": "Kitchen", "brand": "Northwind", "product_id": "mug",
}  # fmt: skip


@click.command(
    "send",
    epilog='Example: emulator send "Order Completed" --user ada order_id=o-17 products:=@cart.json',
)
@click.argument("event", required=False)
@click.argument("fields", nargs=-1, metavar="[NAME=TEXT | NAME:=JSON | NAME:=@FILE]…")
@click.option(
    "--type", "call_type", type=click.Choice(CALL_TYPES), default="track", show_default=True,
    help="Kind of call.",
)  # fmt: skip
@click.option("--user", metavar="ID", help="userId of the call.  [ada, without --anonymous]")
@click.option("--anonymous", metavar="ID", help="anonymousId of the call.")
@click.option("--sample", is_flag=True, help="Add the properties of Segment's spec for the event.")
@click.option("--write-key", metavar="KEY", help="Key of the source.  [that of the workspace]")
@emulator_url_option
@click.option("--json", "as_json", is_flag=True, help="Print the message as JSON.")
@click.pass_context
def send_command(
    ctx: click.Context,
    event: str | None,
    fields: tuple[str, ...],
    call_type: str,
    user: str | None,
    anonymous: str | None,
    sample: bool,
    write_key: str | None,
    url: str,
    as_json: bool,
) -> None:
    """Send one call to a running emulator and print what Insider One receives of it.

    EVENT is the name of a track, page or screen call, the groupId of a group call, or the
    previousId of an alias call. An identify call has none. Fields are properties, or traits of
    identify and group calls. Exits 1 when Insider One does not use the call, 2 when no emulator
    answers.
    """
    # Imported here because `emulator health` explains no message.
    from segment_insider_emulator.cli.tail import MessagePrinter

    if event is not None and _is_first_field(event, call_type):
        fields, event = (event, *fields), None
    call = _build_call(call_type, event, fields, sample=sample)
    call |= {"anonymousId": anonymous} if anonymous else {}
    if user or not anonymous:
        call["userId"] = user or "ada"
    with ControlClient.connect(url) as client:
        key = write_key or client.get_current_workspace()["source"]["writeKey"]
        call["messageId"] = f"emulator-send-{time.time_ns()}"
        status = client.post_to_segment(f"/v1/{call_type}", orjson.dumps(call), key)
        if status != HTTPStatus.OK:
            what = f"Segment refuses the call with the status {status}"
            raise EmulatorError(what, url, "Look at the log of the emulator for the reason.")
        message = client.get_newest_message(messageId=call["messageId"])
        MessagePrinter(client, explain=True, as_json=as_json).print_message(message)
        if message["verdict"] not in GOOD_VERDICTS:
            ctx.exit(1)


@click.command("health", epilog="Example: emulator health --wait --timeout 30s")
@emulator_url_option
@click.option("--wait", is_flag=True, help="Wait until it answers.")
@click.option("--timeout", metavar="TIME", default="30s", show_default=True, help="For --wait.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def health_command(ctx: click.Context, url: str, wait: bool, timeout: str, as_json: bool) -> None:
    """Show whether an emulator answers.

    Exits 0 when it answers, 1 when it does not, 2 when something else answers at this address.
    """
    ends_at = time.monotonic() + (
        parse_duration(timeout, "--timeout").total_seconds() if wait else 0
    )
    with ControlClient.connect(url) as client:
        while True:
            try:
                health = client.get_health()
            except CONNECTION_ERRORS as error:
                if time.monotonic() < ends_at:
                    time.sleep(POLL_INTERVAL_S)
                    continue
                print_lines([f"emulator: {error}"], err=True)
                ctx.exit(1)
            break
    if as_json:
        print_json({"url": url, **health})
    else:
        print_lines([f"{url} answers: {health['status']}, version {health['version']}"])


def _is_first_field(argument: str, call_type: str) -> bool:
    """Return whether the first argument is a field: calls of some kinds need no name."""
    return call_type == "identify" or (
        call_type not in _NAME_FIELDS and _FIELD_PATTERN.fullmatch(argument) is not None
    )


def _build_call(
    call_type: str, event: str | None, fields: Iterable[str], *, sample: bool
) -> JSONObject:
    """Return the body of a call. Raises: UsageError; EmulatorError, when a file cannot be read."""
    name_field = {"track": "event", "group": "groupId", "alias": "previousId"}.get(
        call_type, "name"
    )
    if event is None and call_type not in ("identify", "page", "screen"):
        raise click.UsageError(f"Give the {name_field} of the {call_type} call.")
    values: JSONObject = build_sample_properties(event or "") if sample else {}
    if sample and not values:
        known = ", ".join(sorted(ECOMMERCE_EVENT_PROPERTIES))
        raise click.UsageError(f"Segment's spec has no event {event!r}. It has: {known}.")
    values |= dict(map(_parse_field, fields))
    if call_type == "alias" and values:
        raise click.UsageError("An alias call has no fields.")
    call: JSONObject = {} if event is None else {name_field: event}
    if values:
        call["traits" if call_type in ("identify", "group") else "properties"] = values
    return call


def build_sample_properties(event: str) -> JSONObject:
    """Return one value for each property that Segment's spec has for *event*; {} if it has none.

    Source: Segment's Ecommerce spec (v2).
    """
    return {
        name: [_build_sample_product()] if name == "products" else _build_sample_value(name)
        for name in ECOMMERCE_EVENT_PROPERTIES.get(event, ())
    }


def _build_sample_product() -> JSONObject:
    return {name: _build_sample_value(name) for name in PRODUCT_PROPERTIES}


def _build_sample_value(name: str) -> JSON:
    return _SAMPLE_VALUES.get(name, f"{name.replace('_', '-')}-1")


def _parse_field(argument: str) -> tuple[str, Any]:
    match = _FIELD_PATTERN.fullmatch(argument)
    if match is None:
        raise click.UsageError(f"{argument!r} is no field. {_FIELD_HINT}")
    name, kind, text = match["name"], match["kind"], match["text"]
    raw = _read_small_file(text) if kind.endswith("@") else text.encode("utf-8", "replace")
    if not kind.startswith(":"):
        return name, raw.decode("utf-8", "replace")
    try:
        return name, orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        what = f"the value of {name} is no JSON ({error})"
        raise EmulatorError(what, argument[:80], _FIELD_HINT) from error


def _read_small_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        what = f"cannot be read ({getattr(error, 'strerror', error)})"
        raise EmulatorError(what, path, "Name a file after @.") from error
    if len(content) > MAX_FILE_BYTES:
        what = f"the file has more than {MAX_FILE_BYTES:,} bytes, which Segment does not take"
        raise EmulatorError(what, path, "Name a smaller file.")
    return content
