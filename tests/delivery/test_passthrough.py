"""Requests to a real account have its key, and differences of its responses are stored."""

from collections.abc import Iterator

import pytest
from delivery_builders import FINE, NOW

from segment_insider_emulator import __version__
from segment_insider_emulator.delivery.passthrough import PassThroughSender
from segment_insider_emulator.delivery.senders import RealAccount
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.reports import ResponseDifferenceStore
from segment_insider_emulator.types import HttpRequest, HttpResponse

URL = "https://insider.example"
REAL = RealAccount(URL, "realbrand", "real-key-7")
UPSERT = HttpRequest(
    "POST",
    "/api/user/v1/upsert",
    {"x-partner-name": "mybrand", "x-request-token": "test-key"},
    b'{"users":[{}]}',
)
REFUSED = HttpResponse(
    200,
    b'{"data":{"successful":{},"fail":{"count":1}}}',
)


@pytest.fixture
def differences() -> Iterator[ResponseDifferenceStore]:
    engine = open_database(":memory:")
    yield ResponseDifferenceStore(engine)
    engine.dispose()


class Account:
    """An account that always gives one response and records the requests."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response
        self.requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return self.response


def create_sender(
    differences: ResponseDifferenceStore,
    real: Account,
    emulated: Account,
    account: RealAccount = REAL,
) -> PassThroughSender:
    return PassThroughSender(real, emulated, account, differences, lambda: NOW)


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        pytest.param(REAL, ("realbrand", "real-key-7"), id="its own"),
        pytest.param(
            RealAccount(URL, key="real-key-7"), ("mybrand", "real-key-7"), id="its own key"
        ),
        pytest.param(RealAccount(URL), ("mybrand", "test-key"), id="the workspace's"),
    ],
)
def test_each_account_gets_its_credentials(
    differences: ResponseDifferenceStore, account: RealAccount, expected: tuple[str, str]
) -> None:
    real, emulated = Account(FINE), Account(FINE)
    create_sender(differences, real, emulated, account)(UPSERT)
    (sent,) = real.requests
    assert (sent.headers["x-partner-name"], sent.headers["x-request-token"]) == expected
    assert emulated.requests == [UPSERT]


def test_the_real_response_is_returned(differences: ResponseDifferenceStore) -> None:
    assert create_sender(differences, Account(REFUSED), Account(FINE))(UPSERT) == REFUSED


def test_a_difference_is_stored_with_the_request_that_reproduces_it(
    differences: ResponseDifferenceStore,
) -> None:
    sender = create_sender(differences, Account(REFUSED), Account(FINE))
    sender(UPSERT)
    sender(UPSERT)
    (difference,), _ = differences.list_differences()
    assert (difference.times, difference.at, sender.compared_response_count) == (
        2,
        "2026-11-23T10:00:00.000Z",
        2,
    )
    assert difference.document == {
        "name": "POST /api/user/v1/upsert answered 200",
        "about": "A real account and the emulated one answered the same request differently.",
        "emulator": __version__,
        "request": {
            "method": "POST",
            "url": "https://insider.example/api/user/v1/upsert",
            "headers": {"x-partner-name": "realbrand", "x-request-token": "…"},
            "json": {"users": [{}]},
        },
        "expect": {"status": 200, "json": {"data": {"successful": {}, "fail": {"count": 1}}}},
        "actual": {
            "status": 200,
            "json": {"data": {"successful": {"count": 1}, "fail": {}}},
        },
        "differences": [
            "answer.json.data.successful.count: expected nothing, received 1",
            "answer.json.data.fail.count: expected 1, received nothing",
        ],
    }


def test_equal_responses_are_no_difference(differences: ResponseDifferenceStore) -> None:
    sender = create_sender(
        differences, Account(FINE), Account(HttpResponse(200, FINE.body, {"x-a": "b"}))
    )
    sender(UPSERT)
    assert (sender.compared_response_count, differences.list_differences()) == (1, ([], None))


def test_a_rate_limit_response_is_not_compared(differences: ResponseDifferenceStore) -> None:
    emulated = Account(FINE)
    sender = create_sender(differences, Account(HttpResponse(429)), emulated)
    sender(UPSERT)
    assert (sender.compared_response_count, emulated.requests) == (0, [])


def test_a_response_that_repeats_the_key_is_redacted(differences: ResponseDifferenceStore) -> None:
    response = HttpResponse(403, b'{"message":"real-key-7 is wrong"}', {"x-key": "real-key-7"})
    sender = create_sender(differences, Account(response), Account(FINE))
    assert sender(UPSERT) == HttpResponse(403, '{"message":"… is wrong"}'.encode(), {"x-key": "…"})
    assert "real-key-7" not in str(differences.list_differences())
