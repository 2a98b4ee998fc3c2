"""A real account gets its own key, and where it answers otherwise than ours, one can see it."""

from collections.abc import Iterator

import pytest
from carried import FINE, NOW

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
    """Gives one answer, and keeps what it was sent."""

    def __init__(self, answer: HttpResponse) -> None:
        self.answer = answer
        self.got: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.got.append(request)
        return self.answer


def passing(
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
    passing(differences, real, emulated, account)(UPSERT)
    (sent,) = real.got
    assert (sent.headers["x-partner-name"], sent.headers["x-request-token"]) == expected
    assert emulated.got == [UPSERT]


def test_the_real_answer_counts(differences: ResponseDifferenceStore) -> None:
    assert passing(differences, Account(REFUSED), Account(FINE))(UPSERT) == REFUSED


def test_a_difference_is_stored_with_the_request_that_reproduces_it(
    differences: ResponseDifferenceStore,
) -> None:
    own = passing(differences, Account(REFUSED), Account(FINE))
    own(UPSERT)
    own(UPSERT)
    (found,), _ = differences.list_differences()
    assert (found.times, found.at, own.compared_response_count) == (
        2,
        "2026-11-23T10:00:00.000Z",
        2,
    )
    assert found.document == {
        "name": "POST /api/user/v1/upsert answered 200",
        "about": "A real account and the emulated one answered the same request differently.",
        "emulator": __version__,
        "request": {
            "method": "POST",
            "url": "https://insider.example/api/user/v1/upsert",
            "headers": {"x-partner-name": "realbrand", "x-request-token": "re…"},
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


def test_equal_answers_are_no_difference(differences: ResponseDifferenceStore) -> None:
    own = passing(differences, Account(FINE), Account(HttpResponse(200, FINE.body, {"x-a": "b"})))
    own(UPSERT)
    assert (own.compared_response_count, differences.list_differences()) == (1, ([], None))


def test_an_answer_about_load_is_not_compared(differences: ResponseDifferenceStore) -> None:
    emulated = Account(FINE)
    own = passing(differences, Account(HttpResponse(429)), emulated)
    own(UPSERT)
    assert (own.compared_response_count, emulated.got) == (0, [])


def test_an_answer_that_repeats_the_key_is_redacted(differences: ResponseDifferenceStore) -> None:
    told = HttpResponse(403, b'{"message":"real-key-7 is wrong"}', {"x-key": "real-key-7"})
    own = passing(differences, Account(told), Account(FINE))
    assert own(UPSERT) == HttpResponse(403, '{"message":"… is wrong"}'.encode(), {"x-key": "…"})
    assert "real-key-7" not in str(differences.list_differences())
