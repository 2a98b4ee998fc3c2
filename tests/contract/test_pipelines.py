"""The pipelines to copy stop a shop.yaml with a single fault, whichever of them is copied."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_emulator.types import JSONObject

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SHOP: JSONObject = yaml.safe_load((EXAMPLES / "shop.yaml").read_text("utf-8"))
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
REPORTS = ("--junit", "--html")


def github() -> list[str]:
    document = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text("utf-8"))
    return [step["run"] for step in document["jobs"]["integration"]["steps"] if "run" in step]


def gitlab() -> list[str]:
    document = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text("utf-8"))
    script: list[str] = document["integration"]["script"]
    return script


def pre_commit() -> list[str]:
    """What pre-commit runs for a commit that changes shop.yaml alone."""
    document = yaml.safe_load((EXAMPLES / "pre-commit-config.yaml").read_text("utf-8"))
    [repository] = document["repos"]
    hooks = [HOOKS[own["id"]] | own for own in repository["hooks"]]
    return [
        shlex.join([*hook["entry"].split(), *hook["args"]])
        for hook in hooks
        if re.search(hook["files"], "shop.yaml") and not hook["pass_filenames"]
    ]


PIPELINES = {"GitHub Actions": github, "GitLab": gitlab, "pre-commit": pre_commit}


def steps(pipeline: str) -> list[tuple[str, ...]]:
    """Calls of the emulator without reports; the scenarios, which cost most, come last."""
    lines = [line for line in PIPELINES[pipeline]() if line.startswith("emulator ")]
    calls = [tuple(without_reports(shlex.split(line)[1:])) for line in lines]
    return sorted(calls, key=lambda call: "verify" in call)


def without_reports(call: list[str]) -> Iterator[str]:
    words = iter(call)
    for word in words:
        if word in REPORTS or word == "-n":
            next(words)
        else:
            yield word


def subscription(shop: JSONObject, name: str) -> JSONObject:
    found: JSONObject = next(e for e in shop["destination"]["subscriptions"] if e["name"] == name)
    return found


def parameters(shop: JSONObject) -> JSONObject:
    found: JSONObject = subscription(shop, "Orders")["settings"]["parameters"]
    return found


def product(shop: JSONObject) -> JSONObject:
    found: JSONObject = subscription(shop, "Orders")["settings"]["products"]["@arrayPath"][1]
    return found


def swap_revenue_and_total(shop: JSONObject) -> None:
    own = parameters(shop)
    own["revenue"], own["total"] = own["total"], own["revenue"]


def swap_names(shop: JSONObject) -> None:
    own = subscription(shop, "Profile")["settings"]
    own["firstName"], own["lastName"] = own["lastName"], own["firstName"]


def read_taxes(shop: JSONObject) -> None:
    parameters(shop)["tax"] = {"@path": "$.properties.taxes"}


def misspell_a_property(shop: JSONObject) -> None:
    product(shop)["unit_price"] = {"@path": "prise"}


def misspell_what_no_event_has(shop: JSONObject) -> None:
    parameters(shop)["discount"] = {"@path": "$.properties.discont"}


def delete_a_line(shop: JSONObject) -> None:
    del parameters(shop)["event_group_id"]


def delete_a_subscription(shop: JSONObject) -> None:
    shop["destination"]["subscriptions"].remove(subscription(shop, "Cart"))


def change_a_trigger(shop: JSONObject) -> None:
    subscription(shop, "Orders")["trigger"] = 'type = "track" and event = "Order Complete"'


def widen_a_trigger(shop: JSONObject) -> None:
    subscription(shop, "Newsletter")["trigger"] = 'type = "track"'


def disable_a_subscription(shop: JSONObject) -> None:
    subscription(shop, "Newsletter")["enabled"] = False


def change_a_constant(shop: JSONObject) -> None:
    subscription(shop, "Orders")["settings"]["append_arrays"] = True


def change_an_event_name(shop: JSONObject) -> None:
    subscription(shop, "Newsletter")["settings"]["event_name"] = "newsletter_join"


def change_the_key(shop: JSONObject) -> None:
    shop["destination"]["settings"]["ucd_key"] = "other-key"


def change_the_key_everywhere(shop: JSONObject) -> None:
    shop["destination"]["settings"]["ucd_key"] = shop["insider"]["account"]["key"] = "other-key"


def change_the_account(shop: JSONObject) -> None:
    shop["destination"]["settings"]["account_name"] = "mybrnd"


def change_the_account_of_a_file_without_one(shop: JSONObject) -> None:
    change_the_account(shop)
    del shop["insider"]["account"]


def change_the_write_key(shop: JSONObject) -> None:
    shop["source"]["writeKey"] = "wk_deno"


def take_another_action(shop: JSONObject) -> None:
    subscription(shop, "Cart")["actionSlug"] = "productViewedEvent"


def misspell_an_action(shop: JSONObject) -> None:
    subscription(shop, "Cart")["actionSlug"] = "productAddEvent"


def disable_the_destination(shop: JSONObject) -> None:
    shop["destination"]["enabled"] = False


def disable_the_source(shop: JSONObject) -> None:
    shop["source"]["enabled"] = False


def remove_an_opt_in(shop: JSONObject) -> None:
    del subscription(shop, "Profile")["settings"]["smsOptin"]


def identify_by_another_field(shop: JSONObject) -> None:
    subscription(shop, "Orders")["settings"]["uuid"] = {"@path": "$.anonymousId"}


def take_an_identifier_from_the_account(shop: JSONObject) -> None:
    shop["insider"]["identifiers"].remove("segment_anonymous_id")


def collect_batches(shop: JSONObject) -> None:
    subscription(shop, "Orders")["settings"]["enable_batching"] = True


def drop_orders(shop: JSONObject) -> None:
    shop["destination"]["filters"][0]["if"] = 'event = "Order Completed"'


def strip_a_property(shop: JSONObject) -> None:
    action = {"type": "DROP_PROPERTIES", "fields": {"properties": ["coupon"]}}
    filters = shop["destination"]["filters"]
    filters.append({"title": "No coupons", "if": 'type = "track"', "actions": [action]})


def keep_staff(shop: JSONObject) -> None:
    del shop["destination"]["filters"]


def block_orders(shop: JSONObject) -> None:
    schema = {"type": "object", "properties": {"properties": {"required": ["affiliation"]}}}
    rule = {"type": "TRACK", "key": "Order Completed", "version": 1, "jsonSchema": schema}
    shop["trackingPlan"] = {"name": "Shop", "rules": [rule]}
    shop["source"]["settings"] = {"track": {"allowEventOnViolations": False}}


def rename_an_attribute(shop: JSONObject) -> None:
    own = subscription(shop, "Profile")["settings"]["custom"]
    own["loyalty_tier"] = own.pop("loyalty_level")


def rename_a_subscription(shop: JSONObject) -> None:
    subscription(shop, "Orders")["name"] = "Purchases"


def send_text_for_a_number(shop: JSONObject) -> None:
    product(shop)["unit_price"] = {"@template": "{{price}} EUR"}


def misspell_a_directive(shop: JSONObject) -> None:
    parameters(shop)["total"] = {"@paht": "$.properties.total"}


def send_orders_twice(shop: JSONObject) -> None:
    second = {**subscription(shop, "Orders"), "name": "Orders again"}
    shop["destination"]["subscriptions"].append(second)


FAULTS: list[Callable[[JSONObject], None]] = [
    swap_revenue_and_total, swap_names, read_taxes, misspell_a_property,
    misspell_what_no_event_has, delete_a_line, delete_a_subscription, change_a_trigger,
    widen_a_trigger, disable_a_subscription, change_a_constant, change_an_event_name,
    change_the_key, change_the_key_everywhere, change_the_account,
    change_the_account_of_a_file_without_one, change_the_write_key, take_another_action,
    misspell_an_action, disable_the_destination, disable_the_source, remove_an_opt_in,
    identify_by_another_field, take_an_identifier_from_the_account, collect_batches, drop_orders,
    strip_a_property, keep_staff, block_orders, rename_an_attribute, rename_a_subscription,
    send_text_for_a_number, misspell_a_directive, send_orders_twice,
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with what the examples have, as the current folder."""
    shutil.copytree(EXAMPLES, tmp_path / "shop", ignore=shutil.ignore_patterns("node"))
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def write(project: Path, shop: JSONObject) -> None:
    (project / "shop.yaml").write_text(yaml.safe_dump(shop, sort_keys=False), "utf-8")


def run(call: tuple[str, ...]) -> Result:
    return CliRunner().invoke(main, list(call))


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_commit_of_the_workspace_alone_runs_all_steps(pipeline: str) -> None:
    kinds = {call[:2] if call[0] == "contract" else call[:1] for call in steps(pipeline)}
    assert kinds == {("lint",), ("contract", "check"), ("contract", "events"), ("verify",)}
    assert all("shop.yaml" in call for call in steps(pipeline))


def test_the_pipelines_run_whatever_is_pushed() -> None:
    document: Any = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text("utf-8"))
    assert document[True] == ["push", "pull_request"]  # YAML 1.1 reads `on` as true
    gitlab_job: Any = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text("utf-8"))["integration"]
    assert not {"rules", "only", "except", "allow_failure"} & gitlab_job.keys()
    assert not any("|| true" in line for name in PIPELINES for line in PIPELINES[name]())


def test_the_shop_as_it_was_recorded_is_green(project: Path) -> None:
    write(project, SHOP)
    done = {call: run(call) for name in PIPELINES for call in steps(name)}
    assert {call: result.output for call, result in done.items() if result.exit_code} == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.replace("_", " "))
def test_a_workspace_with_one_fault_stops_each_pipeline(
    fault: Callable[[JSONObject], None], project: Path
) -> None:
    shop = yaml.safe_load(yaml.safe_dump(SHOP))
    fault(shop)
    assert shop != SHOP
    write(project, shop)
    codes: dict[tuple[str, ...], int] = {}
    for pipeline in PIPELINES:
        for call in steps(pipeline):
            if call not in codes:
                codes[call] = run(call).exit_code
            if codes[call]:
                break
        else:
            pytest.fail(f"{pipeline} is green: {codes}")


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_mapping_without_a_case_stops_each_pipeline(pipeline: str, project: Path) -> None:
    (project / "cases" / "order-completed-by-orders.json").unlink()
    shop = yaml.safe_load(yaml.safe_dump(SHOP))
    swap_revenue_and_total(shop)
    write(project, shop)
    [check] = [call for call in steps(pipeline) if call[:2] == ("contract", "check")]
    done = run(check)
    assert done.exit_code == 1
    assert done.output.startswith(
        "FAILED  mapping 'Orders' (orderCompletedEvent)  shop.yaml\n    no case covers it\n"
    )


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of each value in *value* that holds no other."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in pairs:
            yield from leaves(member, (*path, key))
    else:
        yield path


def changed(shop: JSONObject, path: tuple[str | int, ...]) -> JSONObject:
    """*shop* with another value at *path*."""
    copy: Any = yaml.safe_load(yaml.safe_dump(shop))
    *outer, last = path
    at = copy["destination"]["subscriptions"]
    for step in outer:
        at = at[step]
    at[last] = not at[last] if isinstance(at[last], bool) else f"{at[last]}s"
    return dict(copy)


@pytest.mark.parametrize(
    "name", [subscription["name"] for subscription in SHOP["destination"]["subscriptions"]]
)
def test_no_value_of_a_mapping_changes_unnoticed(name: str, project: Path) -> None:
    index = [subscription["name"] for subscription in SHOP["destination"]["subscriptions"]].index(
        name
    )
    places = list(leaves(subscription(SHOP, name), (index,)))
    assert len(places) > 8
    unnoticed = []
    for place in places:
        write(project, changed(SHOP, place))
        if not run(("contract", "check", "--workspace", "shop.yaml", "cases/")).exit_code:
            unnoticed.append(place)
    assert unnoticed == []
