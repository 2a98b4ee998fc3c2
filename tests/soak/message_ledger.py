"""Compare what senders sent with what the emulator stored, mapped and delivered."""

from collections import Counter
from collections.abc import Iterable, Iterator
from threading import Lock

import requests
from emulator_process import EmulatorProcess

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.client import ControlClient

DELIVERED_VERDICTS = {"accepted", "warning"}
MAX_RETRY_ROUNDS = 200  # of trying again what failed, each an hour or so of Segment's time


class MessageLedger:
    """Ids of sent and of acknowledged messages; safe for threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()

    def add_sent(self, ids: Iterable[str]) -> None:
        """Record *ids* as sent: whether they arrived is not known yet."""
        with self._lock:
            self.sent.update(ids)

    def add_acknowledged(self, ids: Iterable[str]) -> None:
        """Record *ids* as acknowledged with 200: they must be stored from now on."""
        with self._lock:
            self.acknowledged.update(ids)


def find_all_errors(emulator: EmulatorProcess, ledger: MessageLedger) -> list[str]:
    """Deliver everything, then return all differences and crashes."""
    emulator.remove_faults()
    retry_until_delivered(emulator.url)
    with ControlClient(emulator.url, page_size=1000) as client:
        errors = list(iter_differences(ledger, client))
    return errors + [line for line in emulator.stderr_lines if "Traceback" in line]


def retry_until_delivered(url: str) -> None:
    """Retry failed deliveries until none is left to retry."""
    for _ in range(MAX_RETRY_ROUNDS):
        response = requests.post(f"{url}/emulator/v1/deliveries/retry", timeout=600)
        if not response.json()["retrying"]:
            return
    raise AssertionError(f"{response.json()} after {MAX_RETRY_ROUNDS} rounds")


def iter_differences(ledger: MessageLedger, client: ControlClient) -> Iterator[str]:
    """Yield each difference between sent, acknowledged, mapped, delivered and stored.

    Events have a "number" of their own among their properties, so that no two are equal.
    """
    stored = [message for message in client.list_messages() if message["verdict"] != "rejected"]
    times = Counter(record["messageId"] for record in stored)
    yield from _list_differences("acknowledged and not stored", ledger.acknowledged - set(times))
    yield from _list_differences("stored and never sent", set(times) - ledger.sent)
    yield from _list_differences("stored twice", {id for id, count in times.items() if count > 1})
    deliveries_by_message: dict[str, list[JSONObject]] = {id: [] for id in times}
    for delivery in client.list_deliveries():
        deliveries_by_message.setdefault(delivery["messageId"], []).append(delivery)
    yield from _list_differences(
        "delivered and not stored", set(deliveries_by_message) - set(times)
    )
    destination = Destination(load_preset_workspace("guide").destination)
    for message in stored:
        yield from _check_deliveries(
            message, deliveries_by_message[message["messageId"]], destination
        )
    yield from _check_profiles(stored, client)


def _check_deliveries(
    message: JSONObject, deliveries: list[JSONObject], destination: Destination
) -> Iterator[str]:
    """Yield how the deliveries of *message* differ from its mappings."""
    mapped = [
        outcome.request.json
        for outcome in destination.iter_subscription_outcomes(message["normalised"])
        if outcome.request
    ]
    if [delivery["request"]["json"] for delivery in deliveries] != mapped:
        yield f"mapped otherwise: {message['messageId']}"
    for delivery in deliveries:
        if delivery["verdict"] not in DELIVERED_VERDICTS:
            yield f"{delivery['verdict']} ({delivery['reason']}): {message['messageId']}"


def _check_profiles(stored: list[JSONObject], client: ControlClient) -> Iterator[str]:
    """Yield how the events in profiles differ from the stored messages."""
    numbered = {
        number
        for record in stored
        if (number := record["message"].get("properties", {}).get("number")) is not None
    }
    counts = Counter(
        number
        for profile in client.list_profiles()
        for event in profile["events"]
        if (number := event["event_params"].get("custom", {}).get("number")) is not None
    )
    yield from _list_differences("stored and in no profile", numbered - set(counts))
    yield from _list_differences("in a profile and not stored", set(counts) - numbered)
    yield from _list_differences(
        "in profiles twice", {message_id for message_id, count in counts.items() if count > 1}
    )


def _list_differences(description: str, ids: Iterable[object]) -> Iterator[str]:
    return (f"{description}: {message_id}" for message_id in ids)
