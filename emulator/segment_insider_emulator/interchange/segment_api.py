"""Reader of a workspace from Segment's Public API: one destination and all that belongs to it.

Only GET requests are sent, to one host, and no redirect is followed: the token can change a
workspace. Source: Segment, Public API, "Destinations", "Sources", "Tracking Plans",
"Transformations", "Functions", "Pagination" and "Rate Limits". (documented)
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import quote, urlsplit

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.import_files import parse_public_api_document
from segment_insider_emulator.interchange.import_resources import (
    ImportedResources,
    merge_imported_resources,
)
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import WorkspaceFinding

TOKEN_VARIABLE: Final = "SEGMENT_PUBLIC_API_TOKEN"
URL_VARIABLE: Final = "SEGMENT_PUBLIC_API_URL"
API_URLS: Final = {"us": "https://api.segmentapis.com", "eu": "https://eu1.api.segmentapis.com"}
# Subscriptions and instances of functions are alpha resources.
ACCEPT: Final = "application/vnd.segment.v1alpha+json, application/vnd.segment.v1+json"
PAGE_SIZE: Final = 100
MAX_PAGES: Final = 200  # of one list
MAX_ANSWER_BYTES: Final = 20_000_000
REQUEST_TIMEOUT_S: Final = 30.0
MAX_ATTEMPTS: Final = 5
MAX_WAIT_S: Final = 90  # for one request; a window of the rate limit is a minute
RETRIED_STATUSES: Final = (429, 502, 503, 504)
LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class SegmentApi:
    """Segment's Public API of one region.

    Args:
        url: Without a slash at the end.
        token: Of a user who may read the workspace; never printed.
    """

    url: str
    token: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], region: str) -> Self:
        """Create the API of a region ("us" or "eu") with the token of the environment.

        Raises: EmulatorError, when a variable is missing or cannot be used.
        """
        token = environment.get(TOKEN_VARIABLE, "").strip()
        if not token:
            remedy = "Create a Public API token in Segment (Settings, Access Management), set it."
            raise EmulatorError(
                "there is no token for Segment's Public API", TOKEN_VARIABLE, remedy
            )
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise EmulatorError("this is not a token", TOKEN_VARIABLE, "Copy it once more.")
        url = environment.get(URL_VARIABLE) or API_URLS[region]
        parts = urlsplit(url)
        if parts.scheme != "https" and not (
            parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
        ):
            raise EmulatorError(
                f"{url} is no https address", URL_VARIABLE, "A token is sent over https only."
            )
        return cls(url.rstrip("/"), token)

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> JSONObject:
        """Get the answer of a path: {"data", ...}.

        Raises: EmulatorError, when there is none; SegmentRefused, when Segment refuses it.
        """
        waited = 0.0
        for attempt in range(1, MAX_ATTEMPTS + 1):
            status, retry_after, answer = self._send(path, parameters or {})
            if status not in RETRIED_STATUSES:
                break
            wait = retry_after if retry_after is not None else 2.0**attempt
            if attempt == MAX_ATTEMPTS or waited + wait > MAX_WAIT_S:
                break
            time.sleep(wait)
            waited += wait
        if status != 200:
            raise _build_refusal(status, self.url + path, answer)
        if not isinstance(answer, dict):
            remedy = f"Check {URL_VARIABLE} and proxies."
            raise EmulatorError("the answer is not one of Segment's", self.url + path, remedy)
        return answer

    def iterate_pages(
        self, path: str, parameters: Mapping[str, str] | None = None
    ) -> Iterator[JSONObject]:
        """Yield the answers of all pages of a list. Raises: as `get`."""
        cursor: JSON = None
        for _ in range(MAX_PAGES):
            page = {"pagination[count]": str(PAGE_SIZE)}
            if isinstance(cursor, str):
                page["pagination[cursor]"] = cursor
            answer = self.get(path, {**(parameters or {}), **page})
            yield answer
            data = answer.get("data")
            pagination = data.get("pagination") if isinstance(data, dict) else None
            following = pagination.get("next") if isinstance(pagination, dict) else None
            if not following or following == cursor:
                return
            cursor = following
        what = f"the list has more than {MAX_PAGES * PAGE_SIZE:,} entries"
        raise EmulatorError(what, self.url + path, "Import saved answers instead.")

    def _send(self, path: str, parameters: Mapping[str, str]) -> tuple[int, float | None, JSON]:
        """Send a request once; return status, seconds to wait if it says so, and JSON or None."""
        import requests  # here, because most commands send none, and it is slow to import

        headers = {"Authorization": f"Bearer {self.token}", "Accept": ACCEPT}
        try:
            with requests.get(
                self.url + path, params=parameters, headers=headers, stream=True,
                timeout=REQUEST_TIMEOUT_S, allow_redirects=False,
            ) as response:  # fmt: skip
                body = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as error:
            what = f"Segment's Public API does not answer ({type(error).__name__})"
            raise EmulatorError(
                what, self.url, "Check the network, proxies and the region."
            ) from None
        if len(body) > MAX_ANSWER_BYTES:
            what = f"the answer has more than {MAX_ANSWER_BYTES:,} bytes"
            raise EmulatorError(what, self.url + path, "Import saved answers instead.")
        seconds = response.headers.get("Retry-After", "")
        retry_after = float(seconds[:9]) if seconds.isdecimal() else None
        try:
            return response.status_code, retry_after, parse_json(body)
        except ValueError:
            return response.status_code, retry_after, None


class SegmentRefused(EmulatorError):
    """Error: Segment refuses a request of its Public API."""


def _build_refusal(status: int, address: str, answer: JSON) -> SegmentRefused:
    errors = answer.get("errors") if isinstance(answer, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    message = first.get("message") if isinstance(first, dict) else None
    said = f": {message[:200]}" if isinstance(message, str) else ""
    remedies = {
        401: f"Set {TOKEN_VARIABLE} to a token of this workspace.",
        403: "Use a token of this workspace that may read it; workspaces in the EU: --region eu.",
        404: "Check the id of the destination; workspaces in the EU need --region eu.",
        429: "Too many requests for this token: try again in some minutes.",
    }
    remedy = remedies.get(status, "Try again later.")
    return SegmentRefused(f"Segment answered {status}{said}", address, remedy)


def fetch_workspace_resources(api: SegmentApi, destination_id: str) -> ImportedResources:
    """Read a destination and the resources that change its events.

    What this token may not read, or what this workspace does not have, becomes a warning.

    Raises: EmulatorError, when the destination itself or its source cannot be read.
    """
    answers = ImportedResources()
    parts = [answers]

    def add(where: str, *documents: JSONObject) -> None:
        parts.extend(
            parse_public_api_document(_remove_pagination(document), where) for document in documents
        )

    path = f"/destinations/{quote(destination_id, safe='')}"
    destination_answer = api.get(path)
    add(path, destination_answer)
    add(f"{path}/subscriptions", *api.iterate_pages(f"{path}/subscriptions"))
    filters = f"/destination/{quote(destination_id, safe='')}/filters"
    add(filters, *api.iterate_pages(filters))
    destination = _find_object(destination_answer, "destination")
    source_id = destination.get("sourceId")
    if isinstance(source_id, str):
        source_path = f"/sources/{quote(source_id, safe='')}"
        source_answer = api.get(source_path)
        add(source_path, source_answer)
        _add_optional(answers, add, f"{source_path}/settings", lambda path: [api.get(path)])
        plan_id = _find_object(source_answer).get("trackingPlanId")
        if isinstance(plan_id, str) and plan_id:
            plan_path = f"/tracking-plans/{quote(plan_id, safe='')}"
            _add_optional(answers, add, plan_path, lambda path: [api.get(path)])
            _add_optional(answers, add, f"{plan_path}/rules", api.iterate_pages)
    _add_optional(answers, add, "/transformations", api.iterate_pages)
    _add_optional(answers, add, "/functions", lambda path: _iterate_insert_functions(api, path))
    return merge_imported_resources(parts)


def _iterate_insert_functions(api: SegmentApi, path: str) -> Iterator[JSONObject]:
    """Yield insert functions, and where each is connected."""
    for page in api.iterate_pages(path, {"resourceType": "INSERT_DESTINATION"}):
        yield page
        functions = _find_object(page).get("functions")
        for function in functions if isinstance(functions, list) else []:
            if isinstance(function, dict) and isinstance(function.get("id"), str):
                yield from api.iterate_pages(
                    "/insert-function-instances", {"functionId": function["id"]}
                )


def _add_optional(
    resources: ImportedResources,
    add: Callable[..., None],
    path: str,
    fetch: Callable[[str], Iterator[JSONObject] | list[JSONObject]],
) -> None:
    """Add what an optional feature of Segment answers; report that it could not be read."""
    try:
        add(path, *fetch(path))
    except SegmentRefused as error:
        what = f"{path} could not be read ({error.what})"
        remedy = "Nothing to do, if the workspace does not have it; else use another token."
        resources.findings.append(WorkspaceFinding("warning", path, what, remedy))


def _find_object(answer: JSONObject, key: str | None = None) -> JSONObject:
    """Return an object in an answer's data, or its data; {} if there is none."""
    data: JSON = answer.get("data")
    found = data.get(key) if key and isinstance(data, dict) else data
    return found if isinstance(found, dict) else {}


def _remove_pagination(answer: JSONObject) -> JSONObject:
    """Remove the place of a page, as all pages are read."""
    data = answer.get("data")
    if not isinstance(data, dict):
        return answer
    return {**answer, "data": {key: value for key, value in data.items() if key != "pagination"}}
