"""Cases run through the deployed workspace: differences of mappings and results are named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_emulator.types import JSONObject

ORDER: JSONObject = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m-1",
    "userId": "ada",
    "timestamp": "2026-03-01T00:00:00Z",
    "properties": {"order_id": "o-1", "total": 17, "revenue": 8.5},
}
SHOP: JSONObject = {
    "source": {"name": "Shop", "writeKey": "wk_shop"},
    "destination": {
        "settings": {"account_name": "shop", "ucd_key": "a-real-key"},
        "subscriptions": [
            {
                "name": "Orders",
                "actionSlug": "orderCompletedEvent",
                "trigger": 'event = "Order Completed"',
                "settings": {
                    "uuid": {"@path": "$.userId"},
                    "timestamp": {"@path": "$.timestamp"},
                    "parameters": {"total": {"@path": "$.properties.total"}},
                },
            },
            {
                "name": "Wishes",
                "actionSlug": "trackEvent",
                "enabled": False,
                "trigger": 'event = "Wish Listed"',
                "settings": {"uuid": {"@path": "$.userId"}, "event_name": "wish_listed"},
            },
        ],
    },
}
PARAMETERS = "settings.parameters"
CUSTOM = "requests[0].json.users[0].events[0].event_params.custom"


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with shop.yaml, events.ndjson and the recorded case; make it current."""
    monkeypatch.chdir(tmp_path)
    write_workspace(SHOP)
    Path("events.ndjson").write_text(json.dumps(ORDER))
    assert run_contract("record", "--from", "events.ndjson", "--workspace", "shop.yaml", "cases/")
    return tmp_path


def run_contract(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["contract", *arguments])


def run_check(*options: str) -> Result:
    return run_contract("check", "--workspace", "shop.yaml", *options, "cases/")


def write_workspace(shop: JSONObject) -> None:
    Path("shop.yaml").write_text(yaml.safe_dump(shop, sort_keys=False))


def change_destination(change: Callable[[Any], object]) -> None:
    shop = json.loads(json.dumps(SHOP))
    change(shop["destination"])
    write_workspace(shop)


def get_orders(destination: Any) -> Any:
    return destination["subscriptions"][0]


def read_case() -> Any:
    return json.loads(Path("cases/order-completed-by-orders.json").read_text())


def test_a_case_names_its_mapping_and_contains_no_key(recorded: Path) -> None:
    assert read_case()["reference"] == {
        "name": "Orders",
        "actionSlug": "orderCompletedEvent",
        "writeKey": "wk_shop",
        "accountName": "shop",
        "keyDigest": "0132",
    }
    assert read_case()["destination"]["settings"] == {"account_name": "account", "ucd_key": "key"}
    assert "a-real-key" not in Path("cases/order-completed-by-orders.json").read_text()


def test_the_recorded_workspace_passes(recorded: Path) -> None:
    assert (run_check().exit_code, run_check().output) == (
        0,
        "1 passed, 0 failed, 0 known differences\n",
    )


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        pytest.param(
            lambda destination: get_orders(destination)["settings"]["parameters"].update(
                total={"@path": "$.properties.revenue"}
            ),
            [
                f'mapping: {PARAMETERS}.total.@path: expected "$.properties.total", '
                'received "$.properties.revenue"',
                f"result: {CUSTOM}.total: expected 17, received 8.5",
            ],
            id="mapping and result",
        ),
        pytest.param(
            lambda destination: get_orders(destination)["settings"]["parameters"].update(
                tax={"@path": "$.properties.taxes"}
            ),
            [
                f"mapping: {PARAMETERS}.tax: expected nothing, "
                'received {"@path": "$.properties.taxes"}',
                "result: unchanged; no recorded event shows the effect of the change",
            ],
            id="mapping alone",
        ),
        pytest.param(
            lambda destination: destination.update(
                filters=[{"title": "All", "if": 'type = "track"', "actions": [{"type": "DROP"}]}]
            ),
            [
                "result: requests: expected 1 entries, received 0",
                'result: results[0].status: expected "delivered", received "filtered"',
                "result: results[0].message: expected nothing, received "
                "\"FILTERED_BY_RULES: destination filter 'All' drops it\"",
            ],
            id="result alone",
        ),
        pytest.param(
            lambda destination: get_orders(destination).update(trigger='event = "Ordered"'),
            [
                'mapping: trigger: expected "event = \\"Order Completed\\"", '
                'received "event = \\"Ordered\\""',
                "result: requests: expected 1 entries, received 0",
                'result: results[0].status: expected "delivered", received "not_subscribed"',
            ],
            id="trigger",
        ),
        pytest.param(
            lambda destination: get_orders(destination).update(enabled=False),
            [
                "mapping: enabled: expected true, received false",
                "result: requests: expected 1 entries, received 0",
                'result: results[0].status: expected "delivered", received "disabled"',
                "result: results[0].message: expected nothing, received \"'Orders' is disabled\"",
            ],
            id="disabled",
        ),
        pytest.param(
            lambda destination: destination["subscriptions"].pop(0),
            ["mapping: subscription: 'Orders' (orderCompletedEvent) is not in shop.yaml. "
             "Known: Wishes."],
            id="gone",
        ),
        pytest.param(
            lambda destination: get_orders(destination).update(name="Purchases"),
            [
                'mapping: name: expected "Orders", received "Purchases"',
                "result: unchanged; no recorded event shows the effect of the change",
            ],
            id="renamed",
        ),
    ],
)  # fmt: skip
def test_each_difference_is_named(
    change: Callable[[Any], object], lines: list[str], recorded: Path
) -> None:
    change_destination(change)
    result = run_check()
    assert result.exit_code == 1
    assert [line.strip() for line in result.stdout.splitlines()[1:-1]] == lines
    assert run_contract("check", "cases/").exit_code == 0  # the recorded proof holds


@pytest.mark.parametrize(
    ("change", "line"),
    [
        pytest.param(
            lambda destination: destination["settings"].update(account_name="shoq"),
            'destination.settings.account_name: expected "shop", received "shoq"',
            id="account",
        ),
        pytest.param(
            lambda destination: destination["settings"].update(ucd_key="a-reel-key"),
            "destination.settings.ucd_key: another key than when the cases were recorded",
            id="key",
        ),
    ],
)
def test_another_account_fails_without_showing_a_key(
    change: Callable[[Any], object], line: str, recorded: Path
) -> None:
    change_destination(change)
    result = run_check()
    assert result.exit_code == 1
    assert f"    {line}\n" in result.stdout
    assert "key-" not in result.output
    assert "-key" not in result.output


def test_a_placeholder_stands_for_the_key(recorded: Path) -> None:
    change_destination(lambda destination: destination["settings"].update(ucd_key="test-key"))
    assert run_check().exit_code == 0


def get_wish(destination: Any) -> Any:
    return destination["subscriptions"][1]


def test_a_mapping_without_a_case_is_named_and_fails_when_strict(recorded: Path) -> None:
    change_destination(lambda destination: get_wish(destination).update(enabled=True))
    note = "note: shop.yaml: no case covers mapping 'Wishes' (trackEvent)."
    assert run_check().exit_code == 0
    assert run_check().stderr.startswith(note)
    strict = run_check("--strict")
    assert strict.exit_code == 1
    assert "FAILED  mapping 'Wishes' (trackEvent)  shop.yaml\n    no case covers it\n" in (
        strict.stdout
    )


def test_a_mapping_without_a_case_can_be_known(recorded: Path) -> None:
    change_destination(lambda destination: get_wish(destination).update(enabled=True))
    shop = yaml.safe_load(Path("shop.yaml").read_text())
    entry = {"cause": "uncovered-mapping", "mapping": "Wishes", "note": "Cases follow in May."}
    Path("shop.yaml").write_text(yaml.safe_dump({**shop, "knownCauses": [entry]}))
    strict = run_check("--strict")
    assert (strict.exit_code, strict.stderr) == (0, "")
    assert strict.stdout.endswith("0 failed, 1 known differences\n")
    assert "    Cases follow in May.\n" in strict.stdout


def test_a_new_mapping_that_takes_a_recorded_event_fails(recorded: Path) -> None:
    change_destination(
        lambda destination: get_wish(destination).update(enabled=True, trigger='type = "track"')
    )
    result = run_check()
    assert result.exit_code == 1
    assert (
        "no case covers it, but it matches the event of 'order-completed-by-orders'"
        in result.stdout
    )


def test_json_and_junit_distinguish_mapping_and_result(recorded: Path) -> None:
    change_destination(
        lambda destination: [
            get_wish(destination).update(enabled=True),
            get_orders(destination)["settings"].pop("parameters"),
        ]
    )
    result = run_check("--json", "--junit", "report.xml")
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["verdict"], first["mapping"], first["result"]) == ("failed", "changed", "changed")
    assert (second["verdict"], second["mapping"], second["name"]) == (
        "uncovered", "new", "mapping 'Wishes' (trackEvent)",
    )  # fmt: skip
    assert not any(case.keys() & {"renewed"} for case in (first, second))
    failed, skipped = ElementTree.parse("report.xml").iter("testcase")
    (failure,) = failed
    assert (failure.tag, failure.get("message", "").partition(":")[0]) == ("failure", "mapping")
    assert [element.tag for element in skipped] == ["skipped"]


def test_update_accepts_the_current_workspace(recorded: Path) -> None:
    change_destination(
        lambda destination: get_orders(destination).update(
            name="Purchases", settings={"uuid": {"@path": "$.userId"}}
        )
    )
    # Neither name nor mapping is as it was: nothing says that this is the same.
    assert run_check("--update").exit_code == 1
    change_destination(
        lambda destination: get_orders(destination)["settings"]["parameters"].pop("total")
    )
    assert run_check("--update").exit_code == 0
    assert read_case()["subscription"]["settings"]["parameters"] == {}
    assert run_check().exit_code == 0
    change_destination(lambda destination: destination["settings"].update(account_name="other"))
    assert run_check("--update").exit_code == 0
    assert read_case()["reference"]["accountName"] == "other"


def test_update_accepts_a_new_name(recorded: Path) -> None:
    change_destination(lambda destination: get_orders(destination).update(name="Purchases"))
    assert run_check("--update").exit_code == 0
    assert (read_case()["reference"]["name"], read_case()["subscription"]["name"]) == (
        "Purchases",
    ) * 2
    assert run_check().exit_code == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda destination: destination.update(enabled=False), id="destination disabled"
        ),
        pytest.param(lambda destination: destination["subscriptions"].pop(0), id="mapping gone"),
        pytest.param(
            lambda destination: get_orders(destination).update(enabled=False),
            id="mapping disabled",
        ),
    ],
)
def test_update_does_not_write_that_nothing_is_sent(
    change: Callable[[Any], object], recorded: Path
) -> None:
    before = read_case()
    change_destination(change)
    assert run_check("--update").exit_code == 1
    assert read_case() == before


def test_an_old_case_finds_its_mapping_by_content(recorded: Path) -> None:
    old = {key: value for key, value in read_case().items() if key != "reference"}
    Path("cases/order-completed-by-orders.json").write_text(json.dumps(old))
    assert run_check().exit_code == 0
    change_destination(
        lambda destination: get_orders(destination)["settings"]["parameters"].pop("total")
    )
    assert run_check().exit_code == 1


def test_run_prints_what_the_workspace_does(recorded: Path) -> None:
    change_destination(
        lambda destination: get_orders(destination)["settings"]["parameters"].pop("total")
    )
    printed = json.loads(run_contract("run", "--workspace", "shop.yaml", "cases/").stdout)
    assert printed["workspace"] == {
        "mapping": "changed",
        "differences": [
            f'{PARAMETERS}.total: expected {{"@path": "$.properties.total"}}, received nothing'
        ],
    }
    user = printed["actual"]["requests"][0]["json"]["users"][0]
    assert user["events"][0]["event_params"]["custom"] == {}


def test_record_with_a_workspace_updates_cases_with_its_mappings(recorded: Path) -> None:
    change_destination(
        lambda destination: get_orders(destination)["settings"]["parameters"].pop("total")
    )
    assert run_contract("record", "--workspace", "shop.yaml", "cases/").exit_code == 0
    assert read_case()["subscription"]["settings"]["parameters"] == {}
    assert run_check().exit_code == 0


def test_a_mapping_with_a_duplicate_name_is_found_by_content(recorded: Path) -> None:
    twin = {**SHOP["destination"]["subscriptions"][0], "trigger": 'event = "Ordered"'}
    change_destination(lambda destination: destination["subscriptions"].insert(0, twin))
    assert run_check().exit_code == 0
