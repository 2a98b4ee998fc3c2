"""A token shown to an emulator, and to nobody else."""

from requests import PreparedRequest
from requests.auth import AuthBase


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
