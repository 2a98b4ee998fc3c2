"""The control API of a running emulator, as methods."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import requests

from emulator.errors import EmulatorError
from emulator.types import JSONObject

TIMEOUT = 10.0  # seconds


class ControlClient:
    """Reads what one emulator captured. Lists are complete, oldest first, whatever their length.

    Args:
        base_url: E.g. "http://127.0.0.1:8282".
        page: Rows asked for at once, at most 1,000.
    Raises: EmulatorError, when nothing answers there or the emulator refuses what was asked.
    """

    def __init__(self, base_url: str, page: int = 500) -> None:
        self._base_url = base_url.rstrip("/")
        self._page = page
        self._session = requests.Session()
        # The emulator is on this machine: a proxy of the environment could not reach it.
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def health(self) -> JSONObject:
        """{"status": "ok", "version"}."""
        return self._ask("GET", "/emulator/v1/health")

    def messages(self, **filters: str) -> list[JSONObject]:
        """What SDKs sent. Filters: type, event, user, verdict, messageId."""
        return list(self._pages("messages", filters))

    def deliveries(self, **filters: str) -> list[JSONObject]:
        """What subscriptions sent to Insider One. Filters: messageId, event, verdict."""
        return list(self._pages("deliveries", filters))

    def profiles(self) -> list[JSONObject]:
        """Everybody whom Insider One knows."""
        return list(self._pages("profiles", {}))

    def profile(self, identifier: str) -> JSONObject | None:
        """Who owns *identifier*, e.g. "uuid:u1"."""
        return next(self._pages("profiles", {"identifier": identifier}), None)

    def reset(self) -> None:
        """Forget messages, deliveries and profiles."""
        self._ask("POST", "/emulator/v1/reset")

    def post(self, path: str, body: bytes, write_key: str) -> int:
        """Post a JSON body to Segment as any HTTP client may; gives the status."""
        headers = {"Content-Type": "application/json"}
        auth = (write_key, "")
        return self._send("POST", path, data=body, headers=headers, auth=auth).status_code

    def _pages(self, kind: str, filters: Mapping[str, str]) -> Iterator[JSONObject]:
        after = 0
        while after is not None:
            query = {**filters, "after": str(after), "limit": str(self._page)}
            page = self._ask("GET", f"/emulator/v1/{kind}", params=query)
            yield from page[kind]
            after = page["next"]

    def _ask(self, method: str, path: str, params: Mapping[str, str] | None = None) -> JSONObject:
        answer = self._send(method, path, params=params)
        try:
            told: JSONObject = answer.json()
        except requests.JSONDecodeError as error:
            what = f"{method} {path} was answered {answer.status_code} and no JSON"
            remedy = "Give the address of an emulator."
            raise EmulatorError(what, self._base_url, remedy) from error
        if not answer.ok:
            fault = told["error"]
            raise EmulatorError(fault["what"], fault["where"], fault["remedy"])
        return told

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> requests.Response:
        url = self._base_url + path
        try:
            return self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                auth=auth,
                timeout=TIMEOUT,
            )
        except requests.RequestException as error:
            remedy = "Start one with `emulator serve`, or correct the address."
            raise EmulatorError("no emulator answers", self._base_url, remedy) from error
