"""The producer's side of a contract: whether an app's events do what their sender thinks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson
from flask.testing import FlaskClient

from segment_insider_emulator.types import JSONObject

ACCEPTED_VERDICT: Final = "accepted"
TOLERATED_VERDICTS: Final = ("warning", "not_subscribed")


@dataclass(frozen=True, slots=True)
class ProducerCheckResult:
    """What becomes of one event.

    Args:
        where: The place it was read from, e.g. "events.ndjson:3".
        name: Its event, page or screen, or its type.
        verdict: As GET /emulator/v1/messages has it.
        why: One line for each thing that is wrong: of the tracking plan, of a mapping, of Insider
            One.
    """

    where: str
    name: str
    verdict: str
    problems: list[str]

    def is_accepted(self, *, strict: bool) -> bool:
        """Whether the contract holds; *strict* tolerates neither warnings nor events for nobody."""
        return self.verdict == ACCEPTED_VERDICT or (
            self.verdict in TOLERATED_VERDICTS and not strict
        )


def check_producer_events(
    events: Iterable[tuple[str, JSONObject]], client: FlaskClient, write_key: str
) -> Iterator[ProducerCheckResult]:
    """Send each event to an emulator and yield what becomes of it.

    Args:
        events: Place and event.
        client: Of an emulator that may be reset before each event.
        write_key: Of the source that the events are sent to.
    """
    for where, event in events:
        client.post("/emulator/v1/reset")
        call_type = event.get("type", "track")
        body = orjson.dumps({**event, "writeKey": write_key})
        answer = client.post(f"/v1/{call_type}", data=body, content_type="application/json")
        if answer.status_code != 200:
            why = [f"Segment answers {answer.status_code}: {answer.get_data(as_text=True)}"]
            yield ProducerCheckResult(where, str(call_type), "rejected", why)
            continue
        messages = orjson.loads(client.get("/emulator/v1/messages").data)["messages"]
        deliveries = orjson.loads(client.get("/emulator/v1/deliveries").data)["deliveries"]
        yield _build_producer_result(where, messages[-1], deliveries)


def _build_producer_result(
    where: str, message: JSONObject, deliveries: list[JSONObject]
) -> ProducerCheckResult:
    sent = message["message"]
    name = message["event"] or sent.get("name") or message["type"]
    why = [str(each) for each in message["violations"]]
    why += [f"{each['subscription']}: {each['reason']}" for each in deliveries if each["reason"]]
    # What Segment has to say of the event itself follows the reason of a delivery.
    reason = message["reason"] or ""
    for delivery in deliveries:
        reason = reason.removeprefix(delivery["reason"] or "").removeprefix("; ")
    if reason and (deliveries or not why):
        why.append(reason)
    return ProducerCheckResult(where, str(name), message["verdict"], why)
