"""A token shown to an emulator, and to nobody else."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import orjson
import requests
from requests import PreparedRequest
from requests.auth import AuthBase

from segment_insider_emulator.config import load_config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.client_errors import (
    ResourceNotFound,
    RetryBudget,
    connection_error,
    parse_error_response,
)


class BearerAuth(AuthBase):
    """Shows *token* with each request.

    pytest prints what the names of a frame stand for, and requests itself passes headers from
    one function to the next: the token is in neither.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = _SecretStr(f"Bearer {self._token}")
        return request


class _SecretStr(str):
    """A text that is sent, and printed nowhere."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'(redacted)'"


REQUEST_TIMEOUT_S = 10.0  # seconds
API_PATH = "/emulator/v1"
PANEL_PATH = f"{API_PATH}/panel"
DESTINATION_PATH = f"{API_PATH}/destination"
FAULTS_PATH = f"{API_PATH}/faults"
SANDBOXES_PATH = f"{API_PATH}/sandboxes"
# Beside what is only read: refused for the moment and sent again, they come to the same.
RETRYABLE_PATHS = tuple(f"{API_PATH}/{each}" for each in ("verify", "wait-for", "dry-run", "reset"))


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
        page_size: int = 500,
        session: requests.Session | None = None,
        token: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._page_size = page_size
        self.session = session or requests.Session()
        # The emulator is on this machine: a proxy of the environment could not reach it.
        self.session.trust_env = False
        self.token = token
        self._sleep = sleep

    @classmethod
    def connect(cls, base_url: str) -> Self:
        """A client of an emulator that somebody else has started, with EMULATOR_TOKEN if it is set.

        Raises: EmulatorError, when the environment cannot be read.
        """
        return cls(base_url, token=load_config(os.environ, {}).token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close()

    def get_health(self) -> JSONObject:
        """{"status": "ok", "version"}."""
        return self._call_api("GET", f"{API_PATH}/health")

    def list_messages(self, *, after: int = 0, **filters: str) -> list[JSONObject]:
        """What SDKs sent, *after* that id. Filters: type, event, user, verdict, messageId."""
        return list(self._iterate_pages("messages", filters, after=after))

    def list_deliveries(self, *, after: int = 0, **filters: str) -> list[JSONObject]:
        """What subscriptions sent to Insider One. Filters: messageId, event, verdict."""
        return list(self._iterate_pages("deliveries", filters, after=after))

    def get_newest_message(self, **filters: str) -> JSONObject:
        """The last message that the filters find, with its "deliveries".

        Raises: EmulatorError, when there is none.
        """
        return self._call_api("GET", f"{API_PATH}/messages/newest", params=filters)

    def get_newest_delivery(self, **filters: str) -> JSONObject:
        """The last delivery that the filters find. Raises: EmulatorError, when there is none."""
        return self._call_api("GET", f"{API_PATH}/deliveries/newest", params=filters)

    def verify_claims(self, *claims: JSONObject) -> JSONObject:
        """Whether what happened is as claimed, see docs/control-api.md.

        Args:
            claims: E.g. {"of": "deliveries", "where": {"event": "Order Completed"}, "exactly": 1}.
        Returns: {"ok", "claims": [{"ok", "count", "expected", "matched", "near"}]}.
        """
        return self._call_api("POST", f"{API_PATH}/verify", body={"claims": list(claims)})

    def wait_for_claim(self, claim: JSONObject, timeout_s: float = 5.0) -> JSONObject:
        """Return as soon as *claim* is met, or when the time has passed.

        Args:
            timeout: Seconds, at most 60.
        Returns: What verify tells of one claim; with "ok" false it is in vain.
        """
        order = {**claim, "timeout": f"{timeout_s:f} s"}
        return self._call_api(
            "POST", f"{API_PATH}/wait-for", body=order, timeout=timeout_s + REQUEST_TIMEOUT_S
        )

    def dry_run(self, event: JSONObject) -> list[JSONObject]:
        """What *event*, or a {"batch": [...]}, would lead to; nothing is sent and nothing kept."""
        messages: list[JSONObject] = self._call_api("POST", f"{API_PATH}/dry-run", body=event)[
            "messages"
        ]
        return messages

    def list_profiles(self) -> list[JSONObject]:
        """Everybody whom Insider One knows."""
        return [
            self._load_remaining_events(profile) for profile in self._iterate_pages("profiles", {})
        ]

    def find_profile(self, identifier: str) -> JSONObject | None:
        """Who owns *identifier*, e.g. "uuid:u1"."""
        profile = next(self._iterate_pages("profiles", {"identifier": identifier}), None)
        return profile and self._load_remaining_events(profile)

    def list_journeys(self) -> list[JSONObject]:
        """The journeys of the workspace, with their counters."""
        listed: list[JSONObject] = self._call_api("GET", f"{API_PATH}/journeys")["journeys"]
        return listed

    def list_journey_runs(self, journey_id: int) -> list[JSONObject]:
        """Who is or was in a journey, each time with the trail."""
        return list(self._iterate_pages("runs", {}, f"journeys/{journey_id}/"))

    def create_sandbox(self, **settings: JSON) -> JSONObject:
        """One more emulator in the same process.

        Args:
            order: id, workspace (a preset's name or a document), writeKey, account, key, now.
        Returns: {"id", "url", "writeKey", "account", "key", ...}; a ControlClient of that "url" is
            the sandbox's own.
        Raises: Conflict, when a name is taken, or there are as many as there may be.
        """
        return self._call_api("POST", SANDBOXES_PATH, body=settings)

    def list_sandboxes(self) -> list[JSONObject]:
        """All sandboxes of the process, the default one first; keys are redacted."""
        listed: list[JSONObject] = self._call_api("GET", SANDBOXES_PATH)["sandboxes"]
        return listed

    def delete_sandbox(self, id: str) -> None:
        """End a sandbox with all that it holds; one that is gone has ended."""
        with suppress(ResourceNotFound):
            self._call_api("DELETE", f"{SANDBOXES_PATH}/{id}")

    def reset_sandbox(self, now: str | None = None) -> None:
        """Forget messages, deliveries, profiles and runs, and set both panels back.

        Args:
            now: ISO 8601; the clock stands still then. None has it follow the machine.
        """
        self._call_api("POST", f"{API_PATH}/reset", body={"now": now} if now else {})

    def reset_part(self, part: str) -> None:
        """Forget "captures", "profiles" or "faults" alone, or reset the "clock"."""
        self._call_api("POST", f"{API_PATH}/reset/{part}")

    def advance_clock(self, duration: str) -> None:
        """Let time pass, e.g. "45 minutes"; what is due by then has been done on return."""
        self._call_api("POST", f"{API_PATH}/clock", body={"advance": duration})

    def resume_clock(self) -> None:
        """Have a clock that stands still run on."""
        self._call_api("POST", f"{API_PATH}/clock", body={"resume": True})

    def add_fault(self, fault: JSONObject) -> None:
        """Let deliveries to Insider One meet a fault, e.g. {"status": 503, "times": 2}."""
        self._call_api("POST", FAULTS_PATH, body=fault)

    def add_segment_fault(self, fault: JSONObject) -> None:
        """Let requests to Segment meet a fault, e.g. {"status": 500, "times": 2}."""
        self._call_api("POST", f"{FAULTS_PATH}/segment", body=fault)

    def list_faults(self) -> list[JSONObject]:
        """Return the faults that are still to happen, those at Insider One's end first."""
        ends = (FAULTS_PATH, f"{FAULTS_PATH}/segment")
        return [fault for end in ends for fault in self._call_api("GET", end)["faults"]]

    def clear_faults(self) -> None:
        """Let nothing go wrong any more, at either end."""
        self._call_api("DELETE", FAULTS_PATH)
        self._call_api("DELETE", f"{FAULTS_PATH}/segment")

    def retry_deliveries(self) -> None:
        """Try again at once what Insider One has not taken."""
        self._call_api("POST", f"{API_PATH}/deliveries/retry")

    def report_scenario_run(self, run: JSONObject) -> int:
        """Have the emulator's pages show what came of scenarios; gives the id of the run."""
        id: int = self._call_api("POST", f"{API_PATH}/scenario-runs", body=run)["id"]
        return id

    def list_integrations(self) -> list[JSONObject]:
        """Those of the InOne panel; keys are redacted."""
        return list(self._iterate_pages("integrations", {}, "panel/"))

    def create_integration(self, name: str, type: str, role: str) -> JSONObject:
        """Save an integration in the InOne panel; the only answer with its key."""
        return self._call_api(
            "POST", f"{PANEL_PATH}/integrations", body={"name": name, "type": type}, role=role
        )

    def revoke_integration(self, id: int, role: str) -> None:
        """End an integration's key."""
        self._call_api("DELETE", f"{PANEL_PATH}/integrations/{id}", role=role)

    def get_destination(self) -> JSONObject:
        """Segment's settings of the destination and its mappings; the key is redacted."""
        return self._call_api("GET", DESTINATION_PATH)

    def save_destination(self, changes: JSONObject) -> None:
        """Save Changes in Segment: "enabled", "settings", or both."""
        self._call_api("PATCH", DESTINATION_PATH, body=changes)

    def set_subscription_enabled(self, number: int, *, enabled: bool) -> None:
        """Enable or disable one mapping; 1 is the first."""
        self._call_api(
            "PATCH", f"{DESTINATION_PATH}/subscriptions/{number}", body={"enabled": enabled}
        )

    def add_subscription(self, subscription: JSONObject) -> JSONObject:
        """Add a mapping behind the others; what it leaves out is the action's own."""
        return self._call_api("POST", f"{DESTINATION_PATH}/subscriptions", body=subscription)

    def remove_subscription(self, number: int) -> None:
        """Remove one mapping; 1 is the first."""
        self._call_api("DELETE", f"{DESTINATION_PATH}/subscriptions/{number}")

    def get_workspace(self) -> JSONObject:
        """The document of the workspace; keys are redacted."""
        return self._call_api("GET", f"{API_PATH}/workspace")

    def get_current_workspace(self) -> JSONObject:
        """The same with what was changed of its destination since."""
        return self._call_api("GET", f"{API_PATH}/workspace/current")

    def replace_workspace(self, workspace: JSON) -> None:
        """Use another workspace, a preset's name or a document; what was captured stays."""
        self._call_api("PUT", f"{API_PATH}/workspace", body={"workspace": workspace})

    def export_sandbox(self) -> bytes:
        """All that the sandbox has, as lines of JSON; keys are redacted."""
        return self._request_checked("GET", f"{API_PATH}/export").content

    def import_sandbox(self, exported: bytes) -> int:
        """Put what `export` gave in the place of all there is; gives the number of rows."""
        imported: int = self._request_json("POST", f"{API_PATH}/import", data=exported)["imported"]
        return imported

    def export_har(self) -> JSONObject:
        """All requests to Insider One with their answers, HAR 1.2."""
        return self._call_api("GET", f"{API_PATH}/export.har")

    def post_to_segment(self, path: str, body: bytes, write_key: str) -> int:
        """Post a JSON body to Segment as any HTTP client may; gives the status."""
        headers = {"Content-Type": "application/json"}
        auth = (write_key, "")
        return self._send_request("POST", path, data=body, headers=headers, auth=auth).status_code

    def upsert_user(self, user: JSONObject, account: str, key: str) -> JSONObject:
        """Send one user to Insider One directly, as a system other than Segment does."""
        headers = {
            "X-PARTNER-NAME": account,
            "X-REQUEST-TOKEN": key,
            "Content-Type": "application/json",
        }
        body = orjson.dumps({"users": [user]})
        return self._request_json("POST", "/api/user/v1/upsert", data=body, headers=headers)

    def _load_remaining_events(self, profile: JSONObject) -> JSONObject:
        """*profile* with the events that did not fit into the answer."""
        after: int | None = profile.get("events_next")
        more = self._iterate_pages("events", {}, f"profiles/{profile['id']}/", after)
        return {**profile, "events": [*profile["events"], *more]}

    def _iterate_pages(
        self, kind: str, filters: Mapping[str, str], path_prefix: str = "", after: int | None = 0
    ) -> Iterator[JSONObject]:
        while after is not None:
            query = {**filters, "after": str(after), "limit": str(self._page_size)}
            page = self._call_api("GET", f"{API_PATH}/{path_prefix}{kind}", params=query)
            yield from page[kind]
            after = page["next"]

    def _call_api(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: JSONObject | None = None,
        role: str | None = None,
        timeout: float = REQUEST_TIMEOUT_S,
    ) -> JSONObject:
        return self._request_json(
            method,
            path,
            params=params,
            data=None if body is None else orjson.dumps(body),
            headers={"X-InOne-Role": role} if role else None,
            timeout=timeout,
        )

    def _request_json(self, method: str, path: str, **options: Any) -> JSONObject:
        answer = self._request_checked(method, path, **options)
        try:
            document: JSONObject = answer.json()
        except requests.JSONDecodeError as error:
            raise self._unexpected_response_error(answer) from error
        return document

    def _request_checked(self, method: str, path: str, **options: Any) -> requests.Response:
        """What is no refusal.

        Raises: EmulatorError, the emulator's own, one of REFUSALS, or about somebody else.
        """
        answer = self._send_request(method, path, **options)
        patience = RetryBudget(self._sleep)
        while _is_retryable(method, path) and patience.wait_if_retryable(answer):
            answer = self._send_request(method, path, **options)
        if answer.ok:
            return answer
        raise parse_error_response(answer) or self._unexpected_response_error(answer)

    def _unexpected_response_error(self, response: requests.Response) -> EmulatorError:
        """What to say of an answer that no emulator gives."""
        asked = f"{response.request.method} {response.request.path_url}"
        what = f"{asked} was answered {response.status_code}, and not as an emulator does"
        return EmulatorError(what, self._base_url, "Give the address of an emulator.")

    def _send_request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float = REQUEST_TIMEOUT_S,
    ) -> requests.Response:
        credentials = BearerAuth(self.token) if self.token and auth is None else auth
        try:
            return self.session.request(
                method,
                self._base_url + path,
                params=params,
                data=data,
                headers=headers,
                auth=credentials,
                timeout=timeout,
            )
        except requests.RequestException as error:
            reported_error = connection_error(self._base_url, error)
        raise reported_error  # out here it is chained to nothing that holds the request


def _is_retryable(method: str, path: str) -> bool:
    """Whether a request that was refused for the moment may be sent once more."""
    return method in ("GET", "PUT") or path.startswith((SANDBOXES_PATH, *RETRYABLE_PATHS))
