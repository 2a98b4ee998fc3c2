"""Each documented pipeline rejects a shop.yaml with a single mistake."""

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


def list_github_commands() -> list[str]:
    document = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text("utf-8"))
    return [step["run"] for step in document["jobs"]["integration"]["steps"] if "run" in step]


def list_gitlab_commands() -> list[str]:
    document = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text("utf-8"))
    script: list[str] = document["integration"]["script"]
    return script


def list_pre_commit_commands() -> list[str]:
    """Return the commands that pre-commit runs for a commit that changes only shop.yaml."""
    document = yaml.safe_load((EXAMPLES / "pre-commit-config.yaml").read_text("utf-8"))
    [repository] = document["repos"]
    hooks = [
        HOOKS[configured_hook["id"]] | configured_hook for configured_hook in repository["hooks"]
    ]
    return [
        shlex.join([*hook["entry"].split(), *hook["args"]])
        for hook in hooks
        if re.search(hook["files"], "shop.yaml") and not hook["pass_filenames"]
    ]


PIPELINES = {
    "GitHub Actions": list_github_commands,
    "GitLab": list_gitlab_commands,
    "pre-commit": list_pre_commit_commands,
}


def list_steps(pipeline: str) -> list[tuple[str, ...]]:
    """Return the emulator commands without reports; the scenarios, the slowest, come last."""
    lines = [line for line in PIPELINES[pipeline]() if line.startswith("emulator ")]
    calls = [tuple(remove_report_options(shlex.split(line)[1:])) for line in lines]
    return sorted(calls, key=lambda call: "verify" in call)


def remove_report_options(call: list[str]) -> Iterator[str]:
    words = iter(call)
    for word in words:
        if word in REPORTS or word == "-n":
            next(words)
        else:
            yield word


def get_subscription(shop: JSONObject, name: str) -> JSONObject:
    subscription_document: JSONObject = next(
        e for e in shop["destination"]["subscriptions"] if e["name"] == name
    )
    return subscription_document


def get_parameters(shop: JSONObject) -> JSONObject:
    parameter_mappings: JSONObject = get_subscription(shop, "Orders")["settings"]["parameters"]
    return parameter_mappings


def get_product(shop: JSONObject) -> JSONObject:
    product_mapping: JSONObject = get_subscription(shop, "Orders")["settings"]["products"][
        "@arrayPath"
    ][1]
    return product_mapping


def swap_revenue_and_total(shop: JSONObject) -> None:
    mappings = get_parameters(shop)
    mappings["revenue"], mappings["total"] = mappings["total"], mappings["revenue"]


def swap_names(shop: JSONObject) -> None:
    mappings = get_subscription(shop, "Profile")["settings"]
    mappings["firstName"], mappings["lastName"] = mappings["lastName"], mappings["firstName"]


def read_taxes(shop: JSONObject) -> None:
    get_parameters(shop)["tax"] = {"@path": "$.properties.taxes"}


def misspell_a_property(shop: JSONObject) -> None:
    get_product(shop)["unit_price"] = {"@path": "prise"}


def misspell_what_no_event_has(shop: JSONObject) -> None:
    get_parameters(shop)["discount"] = {"@path": "$.properties.discont"}


def delete_a_line(shop: JSONObject) -> None:
    del get_parameters(shop)["event_group_id"]


def delete_a_subscription(shop: JSONObject) -> None:
    shop["destination"]["subscriptions"].remove(get_subscription(shop, "Cart"))


def change_a_trigger(shop: JSONObject) -> None:
    get_subscription(shop, "Orders")["trigger"] = 'type = "track" and event = "Order Complete"'


def widen_a_trigger(shop: JSONObject) -> None:
    get_subscription(shop, "Newsletter")["trigger"] = 'type = "track"'


def disable_a_subscription(shop: JSONObject) -> None:
    get_subscription(shop, "Newsletter")["enabled"] = False


def change_a_constant(shop: JSONObject) -> None:
    get_subscription(shop, "Orders")["settings"]["append_arrays"] = True


def change_an_event_name(shop: JSONObject) -> None:
    get_subscription(shop, "Newsletter")["settings"]["event_name"] = "newsletter_join"


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
    get_subscription(shop, "Cart")["actionSlug"] = "productViewedEvent"


def misspell_an_action(shop: JSONObject) -> None:
    get_subscription(shop, "Cart")["actionSlug"] = "productAddEvent"


def disable_the_destination(shop: JSONObject) -> None:
    shop["destination"]["enabled"] = False


def disable_the_source(shop: JSONObject) -> None:
    shop["source"]["enabled"] = False


def remove_an_opt_in(shop: JSONObject) -> None:
    del get_subscription(shop, "Profile")["settings"]["smsOptin"]


def identify_by_another_field(shop: JSONObject) -> None:
    get_subscription(shop, "Orders")["settings"]["uuid"] = {"@path": "$.anonymousId"}


def take_an_identifier_from_the_account(shop: JSONObject) -> None:
    shop["insider"]["identifiers"].remove("segment_anonymous_id")


def collect_batches(shop: JSONObject) -> None:
    get_subscription(shop, "Orders")["settings"]["enable_batching"] = True


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
    custom_attributes = get_subscription(shop, "Profile")["settings"]["custom"]
    custom_attributes["loyalty_tier"] = custom_attributes.pop("loyalty_level")


def rename_a_subscription(shop: JSONObject) -> None:
    get_subscription(shop, "Orders")["name"] = "Purchases"


def send_text_for_a_number(shop: JSONObject) -> None:
    get_product(shop)["unit_price"] = {"@template": "{{price}} EUR"}


def misspell_a_directive(shop: JSONObject) -> None:
    get_parameters(shop)["total"] = {"@paht": "$.properties.total"}


def send_orders_twice(shop: JSONObject) -> None:
    second = {**get_subscription(shop, "Orders"), "name": "Orders again"}
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
    """Return a project with the files of the examples; make it the current folder."""
    shutil.copytree(EXAMPLES, tmp_path / "shop", ignore=shutil.ignore_patterns("node"))
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def write_workspace(project: Path, shop: JSONObject) -> None:
    (project / "shop.yaml").write_text(yaml.safe_dump(shop, sort_keys=False), "utf-8")


def run_command(call: tuple[str, ...]) -> Result:
    return CliRunner().invoke(main, list(call))


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_commit_of_the_workspace_alone_runs_all_steps(pipeline: str) -> None:
    kinds = {call[:2] if call[0] == "contract" else call[:1] for call in list_steps(pipeline)}
    assert kinds == {("lint",), ("contract", "check"), ("contract", "events"), ("verify",)}
    assert all("shop.yaml" in call for call in list_steps(pipeline))


def test_the_pipelines_run_on_every_push() -> None:
    document: Any = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text("utf-8"))
    assert document[True] == ["push", "pull_request"]  # YAML 1.1 reads `on` as true
    gitlab_job: Any = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text("utf-8"))["integration"]
    assert not {"rules", "only", "except", "allow_failure"} & gitlab_job.keys()
    assert not any("|| true" in line for name in PIPELINES for line in PIPELINES[name]())


def test_the_recorded_shop_passes(project: Path) -> None:
    write_workspace(project, SHOP)
    results = {call: run_command(call) for name in PIPELINES for call in list_steps(name)}
    assert {call: result.output for call, result in results.items() if result.exit_code} == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.replace("_", " "))
def test_a_workspace_with_one_fault_stops_each_pipeline(
    fault: Callable[[JSONObject], None], project: Path
) -> None:
    shop = yaml.safe_load(yaml.safe_dump(SHOP))
    fault(shop)
    assert shop != SHOP
    write_workspace(project, shop)
    codes: dict[tuple[str, ...], int] = {}
    for pipeline in PIPELINES:
        for call in list_steps(pipeline):
            if call not in codes:
                codes[call] = run_command(call).exit_code
            if codes[call]:
                break
        else:
            pytest.fail(f"{pipeline} is green: {codes}")


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_mapping_without_a_case_stops_each_pipeline(pipeline: str, project: Path) -> None:
    (project / "cases" / "order-completed-by-orders.json").unlink()
    shop = yaml.safe_load(yaml.safe_dump(SHOP))
    swap_revenue_and_total(shop)
    write_workspace(project, shop)
    [check] = [call for call in list_steps(pipeline) if call[:2] == ("contract", "check")]
    result = run_command(check)
    assert result.exit_code == 1
    assert result.output.startswith(
        "FAILED  mapping 'Orders' (orderCompletedEvent)  shop.yaml\n    no case covers it\n"
    )


def iter_leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value in *value* that contains no other value."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in pairs:
            yield from iter_leaves(member, (*path, key))
    else:
        yield path


def change_value(shop: JSONObject, path: tuple[str | int, ...]) -> JSONObject:
    """Return *shop* with another value at *path*."""
    copy: Any = yaml.safe_load(yaml.safe_dump(shop))
    *outer, last = path
    at = copy["destination"]["subscriptions"]
    for step in outer:
        at = at[step]
    at[last] = not at[last] if isinstance(at[last], bool) else f"{at[last]}s"
    return dict(copy)


FIRST, *OTHERS = [subscription["name"] for subscription in SHOP["destination"]["subscriptions"]]


@pytest.mark.parametrize(
    "name", [FIRST, *(pytest.param(name, marks=pytest.mark.extended) for name in OTHERS)]
)
def test_every_changed_mapping_value_is_noticed(name: str, project: Path) -> None:
    index = [subscription["name"] for subscription in SHOP["destination"]["subscriptions"]].index(
        name
    )
    places = list(iter_leaves(get_subscription(SHOP, name), (index,)))
    assert len(places) > 8
    unnoticed = []
    for place in places:
        write_workspace(project, change_value(SHOP, place))
        if not run_command(("contract", "check", "--workspace", "shop.yaml", "cases/")).exit_code:
            unnoticed.append(place)
    assert unnoticed == []
