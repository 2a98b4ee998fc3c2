"""The control API of a running emulator, as methods."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import orjson
import requests

from segment_insider_emulator.config import configure
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.bearer import Bearer
from segment_insider_scenarios.patience import Patience
from segment_insider_scenarios.refusals import Missing, refusal
from segment_insider_scenarios.unreachable import unreachable

TIMEOUT = 10.0  # seconds
API = "/emulator/v1"
PANEL = f"{API}/panel"
DESTINATION = f"{API}/destination"
FAULTS = f"{API}/faults"
SANDBOXES = f"{API}/sandboxes"
# Beside what is only read: refused for the moment and sent again, they come to the same.
REPEATABLE = tuple(f"{API}/{each}" for each in ("verify", "wait-for", "dry-run", "reset"))


class ControlClient:
    """Reads what one emulator captured, and sets its clock and both its panels.

    Lists are complete, oldest first, whatever their length.

    Args:
        base_url: E.g. "http://127.0.0.1:8282".
        page: Rows asked for at once, at most 1,000.
        session: Somebody else's, who closes it; None has the client make its own.
        token: Of a team, or the emulator's password, where it asks for one.
        sleep: Passes the time while an emulator that cannot be used just now is waited for.
    Raises: EmulatorError, when nothing answers there or the emulator refuses what was asked;
        Unreachable or Unavailable, when it cannot be used at all.
    """

    def __init__(
        self,
        base_url: str,
        page: int = 500,
        session: requests.Session | None = None,
        token: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._page = page
        self.session = session or requests.Session()
        # The emulator is on this machine: a proxy of the environment could not reach it.
        self.session.trust_env = False
        self.token = token
        self._sleep = sleep

    @classmethod
    def elsewhere(cls, base_url: str) -> Self:
        """A client of an emulator that somebody else has started, with EMULATOR_TOKEN if it is set.

        Raises: EmulatorError, when the environment cannot be read.
        """
        return cls(base_url, token=configure(os.environ, {}).token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close()

    def health(self) -> JSONObject:
        """{"status": "ok", "version"}."""
        return self._ask("GET", f"{API}/health")

    def messages(self, *, after: int = 0, **filters: str) -> list[JSONObject]:
        """What SDKs sent, *after* that id. Filters: type, event, user, verdict, messageId."""
        return list(self._pages("messages", filters, after=after))

    def deliveries(self, *, after: int = 0, **filters: str) -> list[JSONObject]:
        """What subscriptions sent to Insider One. Filters: messageId, event, verdict."""
        return list(self._pages("deliveries", filters, after=after))

    def newest_message(self, **filters: str) -> JSONObject:
        """The last message that the filters find, with its "deliveries".

        Raises: EmulatorError, when there is none.
        """
        return self._ask("GET", f"{API}/messages/newest", params=filters)

    def newest_delivery(self, **filters: str) -> JSONObject:
        """The last delivery that the filters find. Raises: EmulatorError, when there is none."""
        return self._ask("GET", f"{API}/deliveries/newest", params=filters)

    def verify(self, *claims: JSONObject) -> JSONObject:
        """Whether what happened is as claimed, see docs/control-api.md.

        Args:
            claims: E.g. {"of": "deliveries", "where": {"event": "Order Completed"}, "exactly": 1}.
        Returns: {"ok", "claims": [{"ok", "count", "expected", "matched", "near"}]}.
        """
        return self._ask("POST", f"{API}/verify", body={"claims": list(claims)})

    def wait_for(self, claim: JSONObject, timeout: float = 5.0) -> JSONObject:
        """Return as soon as *claim* is met, or when the time has passed.

        Args:
            timeout: Seconds, at most 60.
        Returns: What verify tells of one claim; with "ok" false it is in vain.
        """
        order = {**claim, "timeout": f"{timeout:f} s"}
        return self._ask("POST", f"{API}/wait-for", body=order, timeout=timeout + TIMEOUT)

    def dry_run(self, event: JSONObject) -> list[JSONObject]:
        """What *event*, or a {"batch": [...]}, would lead to; nothing is sent and nothing kept."""
        told: list[JSONObject] = self._ask("POST", f"{API}/dry-run", body=event)["messages"]
        return told

    def profiles(self) -> list[JSONObject]:
        """Everybody whom Insider One knows."""
        return [self._with_all_events(profile) for profile in self._pages("profiles", {})]

    def profile(self, identifier: str) -> JSONObject | None:
        """Who owns *identifier*, e.g. "uuid:u1"."""
        found = next(self._pages("profiles", {"identifier": identifier}), None)
        return found and self._with_all_events(found)

    def journeys(self) -> list[JSONObject]:
        """The journeys of the workspace, with their counters."""
        listed: list[JSONObject] = self._ask("GET", f"{API}/journeys")["journeys"]
        return listed

    def runs(self, journey: int) -> list[JSONObject]:
        """Who is or was in a journey, each time with the trail."""
        return list(self._pages("runs", {}, f"journeys/{journey}/"))

    def create_sandbox(self, **order: JSON) -> JSONObject:
        """One more emulator in the same process.

        Args:
            order: id, workspace (a preset's name or a document), writeKey, account, key, now.
        Returns: {"id", "url", "writeKey", "account", "key", ...}; a ControlClient of that "url" is
            the sandbox's own.
        Raises: Conflict, when a name is taken, or there are as many as there may be.
        """
        return self._ask("POST", SANDBOXES, body=order)

    def sandboxes(self) -> list[JSONObject]:
        """All sandboxes of the process, the default one first; keys are redacted."""
        listed: list[JSONObject] = self._ask("GET", SANDBOXES)["sandboxes"]
        return listed

    def delete_sandbox(self, id: str) -> None:
        """End a sandbox with all that it holds; one that is gone has ended."""
        with suppress(Missing):
            self._ask("DELETE", f"{SANDBOXES}/{id}")

    def reset(self, now: str | None = None) -> None:
        """Forget messages, deliveries, profiles and runs, and set both panels back.

        Args:
            now: ISO 8601; the clock stands still then. None has it follow the machine.
        """
        self._ask("POST", f"{API}/reset", body={"now": now} if now else {})

    def reset_part(self, part: str) -> None:
        """Forget "captures", "profiles" or "faults" alone, or reset the "clock"."""
        self._ask("POST", f"{API}/reset/{part}")

    def advance(self, length: str) -> None:
        """Let time pass, e.g. "45 minutes"; what is due by then has been done on return."""
        self._ask("POST", f"{API}/clock", body={"advance": length})

    def resume(self) -> None:
        """Have a clock that stands still run on."""
        self._ask("POST", f"{API}/clock", body={"resume": True})

    def add_fault(self, fault: JSONObject) -> None:
        """Let deliveries to Insider One meet a fault, e.g. {"status": 503, "times": 2}."""
        self._ask("POST", FAULTS, body=fault)

    def add_segment_fault(self, fault: JSONObject) -> None:
        """Let requests to Segment meet a fault, e.g. {"status": 500, "times": 2}."""
        self._ask("POST", f"{FAULTS}/segment", body=fault)

    def faults(self) -> list[JSONObject]:
        """Return the faults that are still to happen, those at Insider One's end first."""
        ends = (FAULTS, f"{FAULTS}/segment")
        return [fault for end in ends for fault in self._ask("GET", end)["faults"]]

    def clear_faults(self) -> None:
        """Let nothing go wrong any more, at either end."""
        self._ask("DELETE", FAULTS)
        self._ask("DELETE", f"{FAULTS}/segment")

    def retry(self) -> None:
        """Try again at once what Insider One has not taken."""
        self._ask("POST", f"{API}/deliveries/retry")

    def report_run(self, run: JSONObject) -> int:
        """Have the emulator's pages show what came of scenarios; gives the id of the run."""
        id: int = self._ask("POST", f"{API}/scenario-runs", body=run)["id"]
        return id

    def integrations(self) -> list[JSONObject]:
        """Those of the InOne panel; keys are redacted."""
        return list(self._pages("integrations", {}, "panel/"))

    def create_integration(self, name: str, type: str, role: str) -> JSONObject:
        """Save an integration in the InOne panel; the only answer with its key."""
        return self._ask(
            "POST", f"{PANEL}/integrations", body={"name": name, "type": type}, role=role
        )

    def revoke_integration(self, id: int, role: str) -> None:
        """End an integration's key."""
        self._ask("DELETE", f"{PANEL}/integrations/{id}", role=role)

    def destination(self) -> JSONObject:
        """Segment's settings of the destination and its mappings; the key is redacted."""
        return self._ask("GET", DESTINATION)

    def save_destination(self, changes: JSONObject) -> None:
        """Save Changes in Segment: "enabled", "settings", or both."""
        self._ask("PATCH", DESTINATION, body=changes)

    def switch_subscription(self, number: int, *, enabled: bool) -> None:
        """Enable or disable one mapping; 1 is the first."""
        self._ask("PATCH", f"{DESTINATION}/subscriptions/{number}", body={"enabled": enabled})

    def add_subscription(self, subscription: JSONObject) -> JSONObject:
        """Add a mapping behind the others; what it leaves out is the action's own."""
        return self._ask("POST", f"{DESTINATION}/subscriptions", body=subscription)

    def remove_subscription(self, number: int) -> None:
        """Remove one mapping; 1 is the first."""
        self._ask("DELETE", f"{DESTINATION}/subscriptions/{number}")

    def workspace(self) -> JSONObject:
        """The document of the workspace; keys are redacted."""
        return self._ask("GET", f"{API}/workspace")

    def current_workspace(self) -> JSONObject:
        """The same with what was changed of its destination since."""
        return self._ask("GET", f"{API}/workspace/current")

    def replace_workspace(self, workspace: JSON) -> None:
        """Use another workspace, a preset's name or a document; what was captured stays."""
        self._ask("PUT", f"{API}/workspace", body={"workspace": workspace})

    def export(self) -> bytes:
        """All that the sandbox has, as lines of JSON; keys are redacted."""
        return self._answer("GET", f"{API}/export").content

    def import_(self, exported: bytes) -> int:
        """Put what `export` gave in the place of all there is; gives the number of rows."""
        imported: int = self._told("POST", f"{API}/import", data=exported)["imported"]
        return imported

    def har(self) -> JSONObject:
        """All requests to Insider One with their answers, HAR 1.2."""
        return self._ask("GET", f"{API}/export.har")

    def post(self, path: str, body: bytes, write_key: str) -> int:
        """Post a JSON body to Segment as any HTTP client may; gives the status."""
        headers = {"Content-Type": "application/json"}
        auth = (write_key, "")
        return self._send("POST", path, data=body, headers=headers, auth=auth).status_code

    def upsert(self, user: JSONObject, account: str, key: str) -> JSONObject:
        """Send one user to Insider One directly, as a system other than Segment does."""
        headers = {
            "X-PARTNER-NAME": account,
            "X-REQUEST-TOKEN": key,
            "Content-Type": "application/json",
        }
        body = orjson.dumps({"users": [user]})
        return self._told("POST", "/api/user/v1/upsert", data=body, headers=headers)

    def _with_all_events(self, profile: JSONObject) -> JSONObject:
        """*profile* with the events that did not fit into the answer."""
        after: int | None = profile.get("events_next")
        more = self._pages("events", {}, f"profiles/{profile['id']}/", after)
        return {**profile, "events": [*profile["events"], *more]}

    def _pages(
        self, kind: str, filters: Mapping[str, str], of: str = "", after: int | None = 0
    ) -> Iterator[JSONObject]:
        while after is not None:
            query = {**filters, "after": str(after), "limit": str(self._page)}
            page = self._ask("GET", f"{API}/{of}{kind}", params=query)
            yield from page[kind]
            after = page["next"]

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: JSONObject | None = None,
        role: str | None = None,
        timeout: float = TIMEOUT,
    ) -> JSONObject:
        return self._told(
            method,
            path,
            params=params,
            data=None if body is None else orjson.dumps(body),
            headers={"X-InOne-Role": role} if role else None,
            timeout=timeout,
        )

    def _told(self, method: str, path: str, **sent: Any) -> JSONObject:
        answer = self._answer(method, path, **sent)
        try:
            told: JSONObject = answer.json()
        except requests.JSONDecodeError as error:
            raise self._strange(answer) from error
        return told

    def _answer(self, method: str, path: str, **sent: Any) -> requests.Response:
        """What is no refusal.

        Raises: EmulatorError, the emulator's own, one of REFUSALS, or about somebody else.
        """
        answer = self._send(method, path, **sent)
        patience = Patience(self._sleep)
        while _repeatable(method, path) and patience.waited(answer):
            answer = self._send(method, path, **sent)
        if answer.ok:
            return answer
        raise refusal(answer) or self._strange(answer)

    def _strange(self, answer: requests.Response) -> EmulatorError:
        """What to say of an answer that no emulator gives."""
        asked = f"{answer.request.method} {answer.request.path_url}"
        what = f"{asked} was answered {answer.status_code}, and not as an emulator does"
        return EmulatorError(what, self._base_url, "Give the address of an emulator.")

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> requests.Response:
        shown = Bearer(self.token) if self.token and auth is None else auth
        try:
            return self.session.request(
                method,
                self._base_url + path,
                params=params,
                data=data,
                headers=headers,
                auth=shown,
                timeout=timeout,
            )
        except requests.RequestException as error:
            told = unreachable(self._base_url, error)
        raise told  # out here it is chained to nothing that holds the request


def _repeatable(method: str, path: str) -> bool:
    """Whether a request that was refused for the moment may be sent once more."""
    return method in ("GET", "PUT") or path.startswith((SANDBOXES, *REPEATABLE))
