"""The Contact API subscribes people to channels and unsubscribes them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from account import KEYS, Account, parse_body, parse_findings

from segment_insider_emulator.insider.contact_addresses import CONTACT_ADDRESSES
from segment_insider_emulator.insider.formats import normalise_phone_number
from segment_insider_emulator.types import JSON, HttpRequest, HttpResponse, JSONObject

ADA: JSONObject = {
    "identifiers": {"uuid": "ada", "email": "ada@x.io", "phone_number": "+905012345678"},
    "attributes": {"email_optin": True, "sms_optin": True, "whatsapp_optin": True},
}
PHONE_CALLS = [
    ("/sms/v1/unsubscribe", {"phone_number": "+905012345678"}),
    ("/sms/v2/unsubscribe", {"phone_numbers": ["+905012345678"]}),
    ("/whatsapp/v1/unsubscribe", {"phone_number": "+905012345678"}),
    ("/whatsapp/v2/unsubscribe", {"phone_numbers": ["+905012345678"]}),
]
CALLS = [
    ("/email/v1/unsubscribe", {"email": "ada@x.io"}),
    ("/email/v2/unsubscribe", {"emails": ["ada@x.io"]}),
    ("/email/v2/unsubscribe", {"uuids": ["ada"]}),
    ("/email/v2/unsubscribe", {"users": [{"uuid": "ada", "email": "ada@x.io"}]}),
    ("/email/v2/unsubscribe", {"users": ["ada"]}),
    *PHONE_CALLS,
]
FLAGS = {"email": "global_unsubscribe", "sms": "sms_opt_out_user", "whatsapp": "wa_opt_out_user"}


def get_key(path: str) -> str:
    return "test-key-unsubscribe" if path.endswith("/unsubscribe") else "test-key-resubscribe"


def call(
    account: Account, path: str, content: JSON, *, method: str = "POST", **headers: str
) -> HttpResponse:
    sent = {**KEYS, "x-request-token": get_key(path)}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return account.endpoint.handle_request(HttpRequest(method, path, sent, body))


def list_findings(response: HttpResponse) -> list[tuple[str, str]]:
    return [(finding["where"], finding["what"]) for finding in parse_findings(response)]


@pytest.fixture
def account() -> Account:
    account = Account()
    account.send(ADA)
    return account


@pytest.mark.documented
@pytest.mark.parametrize(("path", "body"), CALLS)
def test_an_unsubscribe_and_a_subscribe_change_one_channel(
    account: Account, path: str, body: JSON
) -> None:
    channel = path.split("/")[1]
    before = account.get_profile("uuid:ada")["attributes"]
    response = call(account, path, body)
    assert (response.status, parse_body(response)) == (200, {"statusMessage": "OK"})
    profile = account.get_profile("uuid:ada")
    assert profile["attributes"] == {**before, f"{channel}_optin": False, FLAGS[channel]: True}
    reached = [name for name, reach in profile["reach"].items() if reach["reachable"]]
    assert reached == [name for name in FLAGS if name != channel]
    call(account, path.replace("unsubscribe", "subscribe"), body)
    profile = account.get_profile("uuid:ada")
    assert profile["attributes"] == {**before, FLAGS[channel]: False}
    assert [name for name in FLAGS if profile["reach"][name]["reachable"]] == list(FLAGS)


@pytest.mark.assumed
def test_the_opt_ins_stay_if_the_account_keeps_them() -> None:
    account = Account(contact_opt_ins="keep")
    account.send(ADA)
    call(account, "/sms/v1/unsubscribe", {"phone_number": "+905012345678"})
    profile = account.get_profile("uuid:ada")
    assert profile["attributes"]["sms_optin"] is True
    assert profile["reach"]["sms"]["why"] == ["sms_opt_out_user is true"]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+905012345678", "+905012345678"),
        ("905012345678", "+905012345678"),
        ("00 90 (501) 234-56.78", "+905012345678"),
        (" +90/501 2345678 ", "+905012345678"),
        ("0501 234 56 78", None),
        ("+0501234567", None),
        ("++905012345678", None),
        ("٩٠٥٠١٢٣٤٥٦٧٨", None),
        ("+90501234567890123", None),
        ("ada@x.io", None),
        ("", None),
    ],
)
def test_phone_numbers_are_normalised(text: str, number: str | None) -> None:
    assert normalise_phone_number(text) == number


@pytest.mark.documented
@pytest.mark.parametrize(
    ("path", "body", "identifier"),
    [
        ("/email/v2/unsubscribe", {"emails": ["new@x.io"]}, "email:new@x.io"),
        ("/email/v2/subscribe", {"emails": ["new@x.io"]}, "email:new@x.io"),
        ("/email/v2/subscribe", {"uuids": ["new"], "emails": ["new@x.io"]}, "uuid:new"),
        (
            "/sms/v2/unsubscribe",
            {"phone_numbers": ["+4915112345678"]},
            "phone_number:+4915112345678",
        ),
    ],
)
def test_v2_creates_a_user_by_an_identifier(
    account: Account, path: str, body: JSON, identifier: str
) -> None:
    call(account, path, body)
    profile = account.get_profile(identifier)
    assert profile["attributes"][f"{path.split('/')[1]}_optin"] is path.endswith("/subscribe")


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("identifiers", "path", "body"),
    [
        (("uuid", "email"), "/email/v1/unsubscribe", {"email": "new@x.io"}),
        (("uuid",), "/email/v2/unsubscribe", {"emails": ["new@x.io"]}),
        (("uuid",), "/sms/v2/subscribe", {"phone_numbers": ["+4915112345678"]}),
        (("email",), "/email/v2/subscribe", {"uuids": ["new"]}),
        (("uuid",), "/email/v2/subscribe", {"uuids": ["null"]}),
    ],
)
def test_v1_and_unusable_identifiers_create_no_user(
    identifiers: tuple[str, ...], path: str, body: JSON
) -> None:
    account = Account(identifiers)
    response = call(account, path, body)
    assert parse_body(response) == {"statusMessage": "OK"}
    assert [finding["cause"].split()[0] for finding in parse_findings(response)] == ["unknown-user"]
    assert account.profiles.list_newest_profiles() == ([], None)


@pytest.mark.assumed
def test_all_users_with_an_address_are_unsubscribed_if_it_does_not_identify() -> None:
    account = Account(("uuid",))
    for uuid in ("u1", "u2", "u3"):
        email = "shared@x.io" if uuid != "u3" else "other@x.io"
        account.send({"identifiers": {"uuid": uuid}, "attributes": {"email": email}})
    call(account, "/email/v2/unsubscribe", {"emails": ["shared@x.io", "shared@x.io"]})
    unsubscribed = [
        account.get_profile(f"uuid:{uuid}")["attributes"].get("global_unsubscribe")
        for uuid in ("u1", "u2", "u3")
    ]
    assert unsubscribed == [True, True, None]


@pytest.mark.documented
def test_v2_creates_no_user_if_one_has_the_address_without_its_identifier() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1"}, "attributes": {"email": "ada@x.io"}})
    call(account, "/email/v2/unsubscribe", {"emails": ["ada@x.io"]})
    (profile, _), *others = account.profiles.list_newest_profiles()[0]
    assert (profile.attributes["global_unsubscribe"], others) == (True, [])


@pytest.mark.documented
def test_a_group_is_left_by_its_name_and_joined_by_its_number(account: Account) -> None:
    emails = {"emails": ["ada@x.io"]}
    call(account, "/email/v2/unsubscribe", {**emails, "group_name": "Newsletter"})
    call(account, "/email/v2/unsubscribe", {**emails, "group_name": "Sales"})
    profile = account.get_profile("uuid:ada")
    assert [group["name"] for group in profile["unsubscribe_groups"]] == ["Newsletter", "Sales"]
    assert profile["reach"]["email"]["reachable"]
    newsletter = profile["unsubscribe_groups"][0]["id"]
    response = call(account, "/email/v2/subscribe", {**emails, "group_id": newsletter})
    assert list_findings(response) == []
    profile = account.get_profile("uuid:ada")
    assert [group["name"] for group in profile["unsubscribe_groups"]] == ["Sales"]
    response = call(account, "/email/v2/subscribe", {**emails, "group_id": newsletter})
    what = f"ada@x.io is in no unsubscribe group with the number {newsletter}, so nothing changes"
    assert list_findings(response) == [("group_id", what)]


def test_the_history_names_the_call_and_a_replay_changes_nothing(account: Account) -> None:
    for _ in range(2):
        call(account, "/whatsapp/v2/unsubscribe", {"phone_numbers": ["+905012345678"]})
    profile = account.get_profile("uuid:ada")
    entries = account.profiles.history.list_entries_after(profile["id"], 0)
    assert [entry.changes["source"] for entry in entries] == [
        "POST /api/user/v1/upsert",
        "POST /whatsapp/v2/unsubscribe",
    ]
    assert account.changes == []


@pytest.mark.documented
@pytest.mark.parametrize(
    ("path", "headers", "what"),
    [
        ("/email/v1/unsubscribe", {"x_request_token": ""}, "X-REQUEST-TOKEN is missing"),
        (
            "/email/v1/unsubscribe",
            {"x_request_token": "test-key"},
            "X-REQUEST-TOKEN is a key for /api/user/v1, which the Contact API does not take",
        ),
        (
            "/sms/v2/subscribe",
            {"x_request_token": "test-key-unsubscribe"},
            "X-REQUEST-TOKEN is the Global Unsubscribe key, which does not subscribe",
        ),
        (
            "/whatsapp/v1/subscribe",
            {"x_request_token": "ünknown"},
            "X-REQUEST-TOKEN is not the Resubscribe key of this account",
        ),
        (
            "/email/v2/unsubscribe",
            {"x_partner_name": "MyBrand"},
            "X-PARTNER-NAME is not the name of this account",
        ),
    ],
)
def test_a_wrong_key_or_account_is_unauthorized(
    account: Account, path: str, headers: Any, what: str
) -> None:
    response = call(account, path, {}, **headers)
    assert (response.status, parse_body(response)) == (401, {"statusMessage": "Unauthorized"})
    assert list_findings(response) == [("", what)]


def test_a_contact_key_opens_no_other_address(account: Account) -> None:
    response = account.post(b"{}", x_request_token="test-key-unsubscribe")
    assert response.status == 403


EMAIL, PHONES = "/email/v2/unsubscribe", "/sms/v2/unsubscribe"


@pytest.mark.parametrize(
    ("path", "body", "finding"),
    [
        (EMAIL, b"{", ("", "Request data is not in valid JSON format.")),
        (
            EMAIL,
            b" " * 5_000_001,
            ("", "request body is bigger than maximum allowed size 5,000,000 bytes"),
        ),
        (EMAIL, b"[" * 5000, ("", "Request data is not in valid JSON format.")),
        (EMAIL, [], ("", "the body is not valid: []")),
        (EMAIL, {}, ("", "the body names nobody")),
        (EMAIL, {"emails": []}, ("emails", "emails is empty")),
        (EMAIL, {"emails": "ada@x.io"}, ("emails", "emails is not valid: ada@x.io")),
        (EMAIL, {"emails": ["ada@x.io"] * 501}, ("emails", "emails has more than 500 entries")),
        (EMAIL, {"emails": [None]}, ("emails.0", "emails.0 is not valid: null")),
        (EMAIL, {"emails": ["ada@x.io", "ada"]}, ("emails.1", "emails.1 is not valid: ada")),
        (EMAIL, {"users": [{"email": "ada@x.io"}]}, ("users.0", "users.0 lacks 'uuid'")),
        (
            EMAIL,
            {"emails": ["ada@x.io"], "group_name": "ab"},
            ("group_name", "group_name is not valid: ab"),
        ),
        (
            EMAIL,
            {"emails": ["a@x.io"], "users": ["u"]},
            ("users", "the body has users and another list"),
        ),
        (
            EMAIL,
            {"emails": ["a@x.io"], "uuids": ["u", "v"]},
            ("uuids", "emails has 1 entries and uuids 2, so they are no pairs"),
        ),
        (
            PHONES,
            {"phone_numbers": [905012345678]},
            ("phone_numbers.0", "phone_numbers.0 is not valid: 905012345678"),
        ),
        (
            PHONES,
            {"phone_numbers": ["0501"]},
            ("phone_numbers.0", "phone_numbers.0 is not valid: 0501"),
        ),
        (
            "/sms/v1/unsubscribe",
            {"phone_numbers": ["+905012345678"]},
            ("", "the body lacks 'phone_number'"),
        ),
        (
            "/email/v2/subscribe",
            {"emails": ["a@x.io"], "group_id": "7"},
            ("group_id", "group_id is not valid: 7"),
        ),
    ],
)
def test_a_bad_request_changes_nothing_and_says_why(
    account: Account, path: str, body: JSON, finding: tuple[str, str]
) -> None:
    response = call(account, path, body)
    assert (response.status, parse_body(response)) == (400, {"statusMessage": "Bad request"})
    assert list_findings(response)[0] == finding
    assert FLAGS["email"] not in account.get_profile("uuid:ada")["attributes"]


@pytest.mark.assumed
def test_invalid_addresses_of_a_list_can_be_skipped() -> None:
    account = Account(invalid_contacts="skip")
    account.send(ADA)
    response = call(account, PHONES, {"phone_numbers": ["0501", "+905012345678"]})
    assert list_findings(response) == [("phone_numbers.0", "phone_numbers.0 is not valid: 0501")]
    assert account.get_profile("uuid:ada")["attributes"]["sms_opt_out_user"] is True
    assert call(account, "/sms/v1/unsubscribe", {"phone_number": "0501"}).status == 400


def test_wrong_methods_types_and_unknown_keys(account: Account) -> None:
    response = call(account, EMAIL, {}, method="GET")
    assert (response.status, response.headers["allow"]) == (405, "POST")
    assert parse_body(response) == {"statusMessage": "Method not allowed"}
    response = call(account, EMAIL, {"emails": ["ada@x.io"]}, content_type="text/plain")
    assert list_findings(response) == [("", "content type must be application/json")]
    response = call(account, EMAIL, {"emails": ["ada@x.io"], "uploader_email": "a@x.io", "x": 1})
    what = "x is not a documented key of a request; its value is ignored"
    assert list_findings(response) == [("x", what)]


@pytest.mark.documented
def test_each_address_takes_600_calls_a_minute() -> None:
    account = Account(rates={"contact": 2})
    for address in CONTACT_ADDRESSES:
        answers = [call(account, address.path, {}) for _ in range(3)]
        assert [answer.status for answer in answers] == [400, 400, 429]
        assert parse_body(answers[-1]) == {"message": "Too Many Requests", "status": 429}
        assert answers[-1].headers["retry-after"] == "60"
    account.advance_clock(minutes=1)
    assert call(account, EMAIL, {}).status == 400


@pytest.mark.documented
def test_500_addresses_are_taken_at_once(account: Account) -> None:
    emails = [f"u{number}@x.io" for number in range(499)] + ["ada@x.io"]
    call(account, EMAIL, {"emails": emails})
    profiles, _ = account.profiles.list_newest_profiles(limit=1000)
    assert [profile.attributes["global_unsubscribe"] for profile, _ in profiles] == [True] * 500


@pytest.mark.parametrize("url", [":memory:"])
def test_calls_and_upserts_of_one_new_person_make_one_profile(url: str) -> None:
    account = Account(url=url)
    user = {"identifiers": {"email": "new@x.io"}, "attributes": {"name": "New"}}
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(account.send, user) for _ in range(20)]
        jobs += [pool.submit(call, account, EMAIL, {"emails": ["new@x.io"]}) for _ in range(20)]
    assert {job.result().status for job in jobs} == {200}
    attributes = account.get_profile("email:new@x.io")["attributes"]
    assert (attributes["name"], attributes["global_unsubscribe"]) == ("New", True)


@pytest.mark.assumed
def test_uuid_and_address_of_two_people_unsubscribe_both(account: Account) -> None:
    account.send({"identifiers": {"uuid": "ben", "email": "ben@x.io"}, "attributes": {"name": "B"}})
    response = call(account, EMAIL, {"users": [{"uuid": "ben", "email": "ada@x.io"}]})
    assert [finding["cause"].split()[0] for finding in parse_findings(response)] == [
        "identifier-conflict"
    ]
    for name in ("ada", "ben"):
        assert account.get_profile(f"uuid:{name}")["attributes"]["global_unsubscribe"] is True


CONSENT = "/api/v1/privacy/gdpr/consent/set"


@pytest.mark.documented
def test_the_consent_of_an_app_is_that_of_its_users() -> None:
    account = Account(("uuid", "udid"))
    device = {"identifiers": {"custom": {"udid": "d1"}}, "attributes": {"name": "Ada"}}
    account.send(device, {"identifiers": {"uuid": "u"}, "attributes": {"custom": {"udid": "d1"}}})
    body = {"partner_name": "mybrand", "gdpr_consent": False, "target": {"udid": "d1"}}
    response = call(account, CONSENT, body, x_request_token="")
    assert (response.status, parse_body(response)) == (200, {"status": "ok"})
    for identifier in ("udid:d1", "uuid:u"):
        assert account.get_profile(identifier)["attributes"]["gdpr_optin"] is False


@pytest.mark.documented
@pytest.mark.parametrize(
    ("change", "status", "finding"),
    [
        ({"partner_name": ""}, 400, ("partner_name", "partner_name is not valid: ")),
        ({"target": {}}, 400, ("target", "target lacks 'udid'")),
        ({"gdpr_consent": "yes"}, 400, ("gdpr_consent", "gdpr_consent is not valid: yes")),
        (
            {"partner_name": "other"},
            200,
            ("partner_name", "partner_name is not the name of this account, so nothing changes"),
        ),
        ({}, 200, ("target.udid", "no profile has this device, so nothing changes")),
    ],
)
def test_a_consent_without_effect_says_why(
    account: Account, change: JSONObject, status: int, finding: tuple[str, str]
) -> None:
    body = {"partner_name": "mybrand", "gdpr_consent": True, "target": {"udid": "d9"}, **change}
    response = call(account, CONSENT, body)
    assert (response.status, list_findings(response)) == (status, [finding])
    assert response.body == (b"Bad Payload." if status == 400 else b'{"status":"ok"}')


@pytest.mark.parametrize(
    "body",
    [
        b'{"emails": ["\\ud800@x.io"], "group_name": "\\ud83c\\ud83c\\ud83c"}',
        b'{"emails": ["<script>\\u0000\\u202e@x.io"], "group_name": "<b>\\u202e\\u0000"}',
        b'{"uuids": ["__proto__", "constructor", "uuid:x", "a.b"]}',
        b'{"emails": ["a@x.io"], "emails": ["b@x.io"]}',
        '{"emails": ["ä@ö.ü"], "group_name": "Grüße 👋"}'.encode(),
    ],
)
def test_hostile_texts_are_stored_and_reported_in_ascii(account: Account, body: bytes) -> None:
    response = call(account, EMAIL, body)
    assert (response.status, parse_body(response)) == (200, {"statusMessage": "OK"})
    headers = {**response.headers}
    assert all(value.isascii() and "\n" not in value for value in headers.values())
    profiles, _ = account.profiles.list_newest_profiles()
    assert len(profiles) == 1 + len(orjson.loads(headers["x-emulator-changes"]))


@pytest.mark.parametrize(
    ("path", "body", "ignored"),
    [
        ("/email/v2/unsubscribe", {"emails": ["ada@x.io"], "email": 1}, "email"),
        ("/email/v1/unsubscribe", {"email": "ada@x.io", "emails": 1}, "emails"),
        ("/email/v1/unsubscribe", {"email": "ada@x.io", "group_name": "News"}, "group_name"),
        ("/email/v2/unsubscribe", {"emails": ["ada@x.io"], "group_id": 7}, "group_id"),
        ("/email/v2/unsubscribe", {"emails": ["ada@x.io"], "phone_numbers": [{}]}, "phone_numbers"),
    ],
)
def test_keys_of_another_address_are_ignored(
    account: Account, path: str, body: JSON, ignored: str
) -> None:
    response = call(account, path, body)
    assert (response.status, parse_body(response)) == (200, {"statusMessage": "OK"})
    what = f"{ignored} is not a documented key of a request; its value is ignored"
    assert list_findings(response) == [(ignored, what)]
    profile = account.get_profile("uuid:ada")
    assert profile["attributes"]["global_unsubscribe"] is True
    assert profile["unsubscribe_groups"] == []
