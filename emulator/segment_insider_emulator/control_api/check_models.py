"""JSON models of checks in the control API: assertions, scenario runs, coverage, and causes."""

from typing import Any

from msgspec import UNSET, UnsetType

from segment_insider_emulator.control_api.models import ApiModel, CamelCaseModel, Count
from segment_insider_emulator.types import JSONObject


class FieldDifferenceModel(ApiModel):
    """How one value of a record differs from the value that an assertion expects."""

    path: str
    expected: str
    received: str
    why: str


class NearMissModel(ApiModel):
    """A record that almost matches an assertion."""

    id: Any
    differences: list[FieldDifferenceModel]
    delivery: JSONObject | UnsetType = UNSET
    message: JSONObject | UnsetType = UNSET
    profile: JSONObject | UnsetType = UNSET
    run: JSONObject | UnsetType = UNSET


class AssertionOutcomeModel(ApiModel):
    """The outcome of an assertion, with the first matches or near misses."""

    ok: bool
    of: str
    expected: str
    count: Count
    matched: list[JSONObject]
    near: list[NearMissModel]


class VerifyModel(ApiModel):
    """The outcomes of several assertions, and whether all are met."""

    ok: bool
    claims: list[AssertionOutcomeModel]


class ScenarioRunIdModel(ApiModel):
    """The id of a stored scenario run."""

    id: Count


class ScenarioRunPageModel(CamelCaseModel):
    """All stored scenario runs."""

    scenario_runs: list[JSONObject]
    next: Count | None


class CoverageExampleModel(CamelCaseModel):
    """A message that used a row of the coverage; `id` is null when it is not stored."""

    id: Count | None
    message_id: str | None
    scenario: str | None


class CoverageRowModel(CamelCaseModel):
    """A mapping, value, plan event, journey step or branch, and how the traffic used it."""

    group: str
    name: str
    state: str
    events: Count
    problems: list[str]
    mapped_fields: list[str]
    unfilled_fields: list[str]
    what_to_send: str | None
    sample_call: JSONObject | None
    example: CoverageExampleModel | None


class CoverageModel(CamelCaseModel):
    """What of the workspace and of Insider One's guide the newest messages have used."""

    percent: float
    events: Count
    left_out: Count
    counts: dict[str, Count]
    branches_count: bool
    rows: list[CoverageRowModel]


class CauseModel(CamelCaseModel):
    """A cause of problems, and how many messages have it; `newestMessage` is the id of one."""

    cause: str
    mapping: str | None
    verdict: str
    what: str
    remedy: str
    from_mapping: bool
    known: bool
    note: str
    messages: Count
    first_at: str
    last_at: str
    newest_message: Count
    query: str


class SearchedMessagesModel(CamelCaseModel):
    """How far back messages were searched: `since` is null when all were."""

    since: str | None
    complete: bool


class CauseListModel(CamelCaseModel):
    """The causes of the newest problems; `known` is how many of them are known."""

    causes: list[CauseModel]
    known: Count
    searched: SearchedMessagesModel


class KnownCauseModel(CamelCaseModel):
    """A known cause; an empty mapping means any."""

    cause: str
    mapping: str
    note: str


class KnownCauseListModel(CamelCaseModel):
    """The known causes of a sandbox."""

    known_causes: list[KnownCauseModel]
