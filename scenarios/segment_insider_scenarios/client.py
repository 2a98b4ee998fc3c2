"""Client of a running emulator's control API."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import orjson
import requests

from segment_insider_emulator.config import load_config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.client_http import (
    BearerAuth,
    ResourceNotFound,
    RetryBudget,
    build_connection_error,
    parse_error_response,
)

REQUEST_TIMEOUT_S = 10.0
MIN_POST_INTERVAL_S = 0.001  # between two calls posted to Segment
_FINDINGS_HEADER = "X-Emulator-Findings"
# As `requests` and OpenSSL read them; the session reads nothing of the environment.
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
API_PATH = "/emulator/v1"
PANEL_PATH = f"{API_PATH}/panel"
DESTINATION_PATH = f"{API_PATH}/destination"
FAULTS_PATH = f"{API_PATH}/faults"
CHANGES_PATH = f"{API_PATH}/workspace/changes"
SANDBOXES_PATH = f"{API_PATH}/sandboxes"
# POST requests that may be sent twice with the same result.
RETRYABLE_PATHS = tuple(f"{API_PATH}/{name}" for name in ("verify", "wait-for", "dry-run", "reset"))


class ControlClient:
    """Client of the control API of one emulator or sandbox.

    Lists are always complete, oldest first.

    Args:
        base_url: E.g. "http://127.0.0.1:8282".
        page_size: Rows of one request, at most 1,000.
        session: A session that the caller closes; None makes a new one.
        token: The emulator's password or a team's token, if it needs one.
        sleep: Waits before a retry of a 503 response.
        account_key: Of the sandbox's account; an emulator that masks people then shows them.
    Raises: EmulatorError, when the emulator refuses a request;
        EmulatorUnreachable or TemporarilyUnavailable, when it cannot be used at all.
    """

    def __init__(
        self,
        base_url: str,
        page_size: int = 500,
        session: requests.Session | None = None,
        token: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        account_key: str | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._page_size = page_size
        self.session = session or requests.Session()
        # The emulator is on this machine: a proxy of the environment could not reach it.
        self.session.trust_env = False
        self.token = token
        self._sleep = sleep
        self._account_key = account_key

    @classmethod
    def connect(cls, base_url: str) -> Self:
        """Create a control API client of a running emulator, with EMULATOR_TOKEN if it is set.

        At https it trusts the certificates in REQUESTS_CA_BUNDLE or SSL_CERT_FILE, if they are set.

        Raises: EmulatorError, when the environment cannot be read.
        """
        client = cls(base_url, token=load_config(os.environ, {}).token)
        names = filter(None, map(os.environ.get, CA_VARIABLES))
        client.session.verify = next((name for name in names if os.path.exists(name)), True)
        return client

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
        """Ask the control API for its health: {"status": "ok", "version"}."""
        return self._call_api("GET", f"{API_PATH}/health")

    def list_messages(self, *, after: int = 0, **filters: str) -> list[JSONObject]:
        """Ask the control API for the messages that Segment received, *after* that id.

        Filters: type, event, user, verdict, messageId, and query (docs/queries.md).
        Returns: Each has id, messageId, type, event, userId, anonymousId, source, receivedAt,
            verdict, reason, message (as received), normalised (as mappings read it), and what was
            noticed: violations, filtered_by, omitted, hints, changes.
        """
        return list(self.iter_messages(after=after, **filters))

    def iter_messages(self, *, after: int = 0, **filters: str) -> Iterator[JSONObject]:
        """Yield the messages that `list_messages` returns, page by page."""
        return self._iterate_pages("messages", filters, after=after)

    def iter_newest_messages(self, query: str = "") -> Iterator[JSONObject]:
        """Yield the messages that match *query*, the newest first, page by page."""
        filters = {"order": "newest", **({"query": query} if query.strip() else {})}
        return self._iterate_pages("messages", filters, cursor="before")

    def list_deliveries(self, *, after: int = 0, **filters: str) -> list[JSONObject]:
        """Ask the control API for the deliveries to Insider One, *after* that id.

        Filters: messageId, event, verdict.
        Returns: Each has id, messageId, event, subscription, actionSlug, verdict, reason, status,
            attempts, findings, request {method, url, headers, json} and response {status, json};
            a delivery without a request has None.
        """
        return list(self._iterate_pages("deliveries", filters, after=after))

    def get_message(self, id: int) -> JSONObject:
        """Ask the control API for a message by its id, with its deliveries.

        Raises: ResourceNotFound.
        """
        return self._call_api("GET", f"{API_PATH}/messages/{id}")

    def get_newest_message(self, **filters: str) -> JSONObject:
        """Ask the control API for the newest message that matches filters, with its deliveries.

        Filters: As in `list_messages`.
        Raises: ResourceNotFound, when there is none.
        """
        return self._call_api("GET", f"{API_PATH}/messages/newest", params=filters)

    def get_newest_delivery(self, **filters: str) -> JSONObject:
        """Ask the control API for the newest delivery that matches filters.

        Filters: As in `list_deliveries`.
        Raises: ResourceNotFound, when there is none.
        """
        return self._call_api("GET", f"{API_PATH}/deliveries/newest", params=filters)

    def verify_claims(self, *claims: JSONObject) -> JSONObject:
        """Ask the control API to check claims about what was received; see docs/control-api.md.

        Args:
            claims: E.g. {"of": "deliveries", "where": {"event": "Order Completed"}, "exactly": 1}.
        Returns: {"ok", "claims": [{"ok", "count", "expected", "matched", "near"}]}.
        """
        return self._call_api("POST", f"{API_PATH}/verify", body={"claims": list(claims)})

    def wait_for_claim(self, claim: JSONObject, timeout_s: float = 5.0) -> JSONObject:
        """Ask the control API to wait until *claim* is met or the time is over.

        Args:
            timeout_s: Seconds, at most 60.
        Returns: The result of one claim, as in `verify_claims`; "ok" is false after the timeout.
        """
        body = {**claim, "timeout": f"{timeout_s:f} s"}
        return self._call_api(
            "POST", f"{API_PATH}/wait-for", body=body, timeout=timeout_s + REQUEST_TIMEOUT_S
        )

    def dry_run(self, event: JSONObject) -> list[JSONObject]:
        """Ask the control API what an event or a batch would produce; nothing is sent or stored.

        Args:
            event: A message with a type, or {"batch": [...]}.
        Returns: Messages with their deliveries, as in `get_message`, and subscriptions: why each
            of them matches or not.
        """
        messages: list[JSONObject] = self._call_api("POST", f"{API_PATH}/dry-run", body=event)[
            "messages"
        ]
        return messages

    def list_profiles(self) -> list[JSONObject]:
        """Ask the control API for all Insider One profiles.

        Returns: Each has id, identifiers {name: value}, attributes {name: value}, events, reach
            {channel: whether and why}, created_at, updated_at, trail and merges.
        """
        return [
            self._load_remaining_events(profile) for profile in self._iterate_pages("profiles", {})
        ]

    def find_profile(self, identifier: str) -> JSONObject | None:
        """Ask the control API for the profile with *identifier*, e.g. "uuid:u1"; None if absent.

        Returns: As in `list_profiles`.
        """
        profile = next(self._iterate_pages("profiles", {"identifier": identifier}), None)
        return profile and self._load_remaining_events(profile)

    def save_web_push(self, profile_id: str, token: str | None) -> None:
        """Ask the control API to store a browser's token for web push, or None for a refusal."""
        body: JSONObject = {"optin": True, "token": token} if token else {"optin": False}
        path = f"{API_PATH}/profiles/{quote(profile_id, safe='')}/web-push"
        self._call_api("PUT", path, body=body)

    def list_journeys(self) -> list[JSONObject]:
        """Ask the control API for the workspace's journeys with their counters.

        Returns: Each has id, name, counters, goals, elements and definition.
        """
        listed: list[JSONObject] = self._call_api("GET", f"{API_PATH}/journeys")["journeys"]
        return listed

    def list_journey_runs(self, journey_id: int) -> list[JSONObject]:
        """Ask the control API for all runs of a journey, one for each entry, with trails.

        Returns: Each has id, journey_id, profile_id, status, entered_at, waits_until, ended_at,
            goals, and trail: a list of {at, kind, what, details}.
        Raises: ResourceNotFound.
        """
        return list(self._iterate_pages("runs", {}, f"journeys/{journey_id}/"))

    def create_sandbox(self, **settings: JSON) -> JSONObject:
        """Ask the control API to create a sandbox: a further emulator in the same process.

        Args:
            settings: id, workspace (a preset's name or a document), writeKey, account, key, now.
        Returns: {"id", "url", "writeKey", "account", "key", ...}; a ControlClient of that "url" is
            the sandbox's own.
        Raises: ConflictError, when a name is taken, or the limit of sandboxes is reached.
        """
        return self._call_api("POST", SANDBOXES_PATH, body=settings)

    def list_sandboxes(self) -> list[JSONObject]:
        """Ask the control API for all sandboxes, the default one first; keys are redacted.

        Returns: Each has id, url, writeKey, account, key, workspace, now, createdAt and team.
        """
        listed: list[JSONObject] = self._call_api("GET", SANDBOXES_PATH)["sandboxes"]
        return listed

    def delete_sandbox(self, id: str) -> None:
        """Ask the control API to delete a sandbox with all its data; ignore a missing one."""
        with suppress(ResourceNotFound):
            self._call_api("DELETE", f"{SANDBOXES_PATH}/{id}")

    def reset_sandbox(self, now: str | None = None) -> None:
        """Ask the control API to delete the sandbox's captured data and reset both panels.

        Args:
            now: ISO 8601; the clock stops at this time. None lets it follow the machine's clock.
        """
        self._call_api("POST", f"{API_PATH}/reset", body={"now": now} if now else {})

    def reset_part(self, part: str) -> None:
        """Ask the control API to delete "captures", "profiles" or "faults" or reset the "clock"."""
        self._call_api("POST", f"{API_PATH}/reset/{part}")

    def advance_clock(self, duration: str) -> None:
        """Ask the control API to advance the clock by "45 minutes", say, and do all that is due.

        Args:
            duration: A number and a unit: seconds, minutes, hours, days or weeks.
        Raises: EmulatorError, when it is not a duration.
        """
        self._call_api("POST", f"{API_PATH}/clock", body={"advance": duration})

    def resume_clock(self) -> None:
        """Ask the control API to let a stopped clock run again."""
        self._call_api("POST", f"{API_PATH}/clock", body={"resume": True})

    def add_fault(self, fault: JSONObject) -> None:
        """Ask the control API to make deliveries to Insider One fail, e.g. {"status": 503}.

        Args:
            fault: status, body, delayMs (milliseconds), timeout, drop, taken, rateLimit, times
                (how many requests; None for all), share (0 to 1); see docs/delivery.md.
        """
        self._call_api("POST", FAULTS_PATH, body=fault)

    def add_segment_fault(self, fault: JSONObject) -> None:
        """Ask the control API to make requests to Segment fail, e.g. {"status": 500}.

        Args:
            fault: status, retryAfter (seconds), drop, taken, times; see docs/sdks.md.
        """
        self._call_api("POST", f"{FAULTS_PATH}/segment", body=fault)

    def list_faults(self) -> list[JSONObject]:
        """Ask the control API for the faults still to come, those of Insider One first."""
        ends = (FAULTS_PATH, f"{FAULTS_PATH}/segment")
        return [fault for end in ends for fault in self._call_api("GET", end)["faults"]]

    def clear_faults(self) -> None:
        """Ask the control API to remove all faults of Segment and Insider One."""
        self._call_api("DELETE", FAULTS_PATH)
        self._call_api("DELETE", f"{FAULTS_PATH}/segment")

    def retry_deliveries(self) -> None:
        """Ask the control API to retry failed deliveries now."""
        self._call_api("POST", f"{API_PATH}/deliveries/retry")

    def report_scenario_run(self, run: JSONObject) -> int:
        """Ask the control API to store a scenario run for the inspector; return the run's id."""
        id: int = self._call_api("POST", f"{API_PATH}/scenario-runs", body=run)["id"]
        return id

    def list_integrations(self) -> list[JSONObject]:
        """Ask the control API for the integrations of the InOne panel; keys are redacted."""
        return list(self._iterate_pages("integrations", {}, "panel/"))

    def create_integration(self, name: str, type: str, role: str) -> JSONObject:
        """Ask the control API to create an integration in InOne; only this response has its key.

        Args:
            role: Of the user in InOne, e.g. "Administrator".
        Raises: EmulatorError, when the role may not change integrations.
        """
        return self._call_api(
            "POST", f"{PANEL_PATH}/integrations", body={"name": name, "type": type}, role=role
        )

    def revoke_integration(self, id: int, role: str) -> None:
        """Ask the control API to revoke an InOne integration, so that its key is invalid."""
        self._call_api("DELETE", f"{PANEL_PATH}/integrations/{id}", role=role)

    def get_destination(self) -> JSONObject:
        """Ask the control API for Segment's destination settings and mappings, without the key."""
        return self._call_api("GET", DESTINATION_PATH)

    def save_destination(self, changes: JSONObject) -> None:
        """Ask the control API to change "enabled", "settings" or both of Segment's destination."""
        self._call_api("PATCH", DESTINATION_PATH, body=changes)

    def set_subscription_enabled(self, number: int, *, enabled: bool) -> None:
        """Ask the control API to enable or disable one mapping; 1 is the first."""
        self._call_api(
            "PATCH", f"{DESTINATION_PATH}/subscriptions/{number}", body={"enabled": enabled}
        )

    def add_subscription(self, subscription: JSONObject) -> JSONObject:
        """Ask the control API to append a mapping; absent fields get the action's defaults."""
        return self._call_api("POST", f"{DESTINATION_PATH}/subscriptions", body=subscription)

    def remove_subscription(self, number: int) -> None:
        """Ask the control API to remove one mapping; 1 is the first."""
        self._call_api("DELETE", f"{DESTINATION_PATH}/subscriptions/{number}")

    def add_identifier(self, name: str, path: str) -> None:
        """Ask the control API to add a custom identifier, which mappings send from *path*."""
        self._call_api("POST", f"{PANEL_PATH}/identifiers", body={"name": name, "path": path})

    def remove_identifier(self, name: str) -> None:
        """Ask the control API to remove an identifier of the account."""
        self._call_api("DELETE", f"{PANEL_PATH}/identifiers/{quote(name, safe='')}")

    def get_workspace(self) -> JSONObject:
        """Ask the control API for the workspace document as loaded; keys are redacted."""
        return self._call_api("GET", f"{API_PATH}/workspace")

    def get_current_workspace(self) -> JSONObject:
        """Ask the control API for the workspace document with later changes of its destination."""
        return self._call_api("GET", f"{API_PATH}/workspace/current")

    def list_changes(self) -> list[JSONObject]:
        """Ask the control API for the changes of the destination that can be undone.

        Returns: Each has id, title, at and isNewest.
        """
        listed: list[JSONObject] = self._call_api("GET", CHANGES_PATH)["changes"]
        return listed

    def change_workspace(self, *edits: JSONObject) -> JSONObject:
        """Ask the control API to change values of the destination: {"keys", "value"} for each."""
        return self._call_api("POST", CHANGES_PATH, body={"edits": list(edits)})

    def undo_change(self, id: str) -> JSONObject:
        """Ask the control API to undo the newest change of the destination."""
        return self._call_api("POST", f"{CHANGES_PATH}/{quote(id, safe='')}/undo")

    def list_causes(self) -> JSONObject:
        """Ask the control API for the causes of the newest problems.

        Returns: {"causes", "known", "searched"}; see docs/control-api.md.
        """
        return self._call_api("GET", f"{API_PATH}/causes")

    def get_coverage(self) -> JSONObject:
        """Ask the control API for the coverage of the newest messages.

        Returns: {"percent", "events", "leftOut", "counts", "branchesCount", "rows"}; see
            docs/coverage.md.
        """
        return self._call_api("GET", f"{API_PATH}/coverage")

    def replace_workspace(self, workspace: JSON) -> None:
        """Ask the control API to replace the workspace by a preset or document, keeping data.

        Raises: EmulatorError, when the document is not a valid workspace.
        """
        self._call_api("PUT", f"{API_PATH}/workspace", body={"workspace": workspace})

    def export_sandbox(self) -> bytes:
        """Ask the control API for all data of the sandbox as JSON lines; keys are redacted."""
        return self._request_checked("GET", f"{API_PATH}/export").content

    def import_sandbox(self, exported: bytes) -> int:
        """Ask the control API to replace the sandbox's data by an export; return the row count.

        Raises: EmulatorError, when it is not an export, or one of a later version.
        """
        imported: int = self._request_json("POST", f"{API_PATH}/import", data=exported)["imported"]
        return imported

    def export_har(self) -> JSONObject:
        """Ask the control API for all requests to Insider One with responses, as HAR 1.2."""
        return self._call_api("GET", f"{API_PATH}/export.har")

    def post_to_segment(self, path: str, body: bytes, write_key: str) -> int:
        """Post a JSON body to the emulated Segment API and return the HTTP status.

        Args:
            path: E.g. "/v1/track" or "/v1/batch".
            body: JSON in UTF-8.
        """
        return self.call_segment(path, body, write_key).status_code

    def call_segment(self, path: str, body: bytes, write_key: str) -> requests.Response:
        """Post a JSON body to the emulated Segment API and return the response."""
        # Equal calls that arrive in one millisecond are one event at Insider One.
        time.sleep(MIN_POST_INTERVAL_S)
        headers = {"Content-Type": "application/json"}
        auth = (write_key, "")
        return self._send_request("POST", path, data=body, headers=headers, auth=auth)

    def upsert_user(self, user: JSONObject, account: str, key: str) -> JSONObject:
        """Send one user to the emulated Insider One upsert API directly, without Segment.

        Args:
            user: {"identifiers": {...}, "attributes": {...}, "events": [...]}.
        Returns: Insider One's answer: {"data": {"successful": {"count"}, "fail": {...}}}.
        """
        headers = {
            "X-PARTNER-NAME": account,
            "X-REQUEST-TOKEN": key,
            "Content-Type": "application/json",
        }
        body = orjson.dumps({"users": [user]})
        return self._request_json("POST", "/api/user/v1/upsert", data=body, headers=headers)

    def call_contact_api(
        self, path: str, content: JSONObject, account: str, key: str
    ) -> list[JSONObject]:
        """Call the emulated Contact API of Insider One, e.g. "/sms/v2/unsubscribe".

        Returns: The emulator's findings about the call.
        Raises: EmulatorError, when it is refused, with the first finding.
        """
        headers = {
            "X-PARTNER-NAME": account,
            "X-REQUEST-TOKEN": key,
            "Content-Type": "application/json",
        }
        response = self._send_request("POST", path, data=orjson.dumps(content), headers=headers)
        findings: list[JSONObject] = orjson.loads(response.headers.get(_FINDINGS_HEADER, "[]"))
        if not response.ok:
            for finding in findings:
                raise EmulatorError(finding["what"], f"POST {path}", finding["remedy"])
            raise self._unexpected_response_error(response)
        return findings

    def _load_remaining_events(self, profile: JSONObject) -> JSONObject:
        """Return a profile with the events that did not fit into the first control API response."""
        after: int | None = profile.get("events_next")
        more = self._iterate_pages("events", {}, f"profiles/{profile['id']}/", after)
        return {**profile, "events": [*profile["events"], *more]}

    def _iterate_pages(
        self,
        kind: str,
        filters: Mapping[str, str],
        path_prefix: str = "",
        after: int | None = 0,
        cursor: str = "after",
    ) -> Iterator[JSONObject]:
        while after is not None:
            query = {**filters, cursor: str(after), "limit": str(self._page_size)}
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
        response = self._request_checked(method, path, **options)
        try:
            document: JSONObject = response.json()
        except requests.JSONDecodeError as error:
            raise self._unexpected_response_error(response) from error
        return document

    def _request_checked(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a control API request and return the response; raise an error if it was refused.

        Raises: EmulatorError, from the response, or because no emulator answered.
        """
        response = self._send_request(method, path, **options)
        retries = RetryBudget(self._sleep)
        while _is_retryable(method, path) and retries.wait_if_retryable(response):
            response = self._send_request(method, path, **options)
        if response.ok:
            return response
        raise parse_error_response(response) or self._unexpected_response_error(response)

    def _unexpected_response_error(self, response: requests.Response) -> EmulatorError:
        """Return the error for a response that does not come from an emulator."""
        request = f"{response.request.method} {response.request.path_url}"
        what = f"{request} was answered {response.status_code}, which is not an emulator's answer"
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
        if self._account_key:
            headers = {**(headers or {}), "X-Emulator-Account-Key": self._account_key}
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
            reported_error = build_connection_error(self._base_url, error)
        raise reported_error  # raised here, so that it is not chained to an error with the request


def _is_retryable(method: str, path: str) -> bool:
    """Return whether a control API request may be sent again after a 503 response."""
    return method in ("GET", "PUT") or path.startswith((SANDBOXES_PATH, *RETRYABLE_PATHS))
