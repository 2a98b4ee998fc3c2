"""JSON models of the control API's responses: their bases, and those about state and settings.

The JSON of a response and its schema in the OpenAPI document both come from them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from segment_insider_emulator.storage.records import JourneyRunStatus
from segment_insider_emulator.types import JSONObject

Count = Annotated[int, Meta(ge=0)]


class ApiModel(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all JSON objects of the control API: these keys and no others are allowed."""


class CamelCaseModel(ApiModel, rename="camel"):
    """Base of JSON objects of the control API whose keys are in camel case."""


class EmptyModel(ApiModel):
    """The empty response of a control API request that only changes something."""


class ErrorDetailModel(ApiModel):
    """One error of the control API: what is wrong, where, and what to do."""

    what: str
    where: str
    remedy: str


class ErrorModel(ApiModel):
    """The response of the control API with an error status."""

    error: ErrorDetailModel


class HealthModel(ApiModel):
    """The response of the control API's health check."""

    status: Literal["ok"]
    version: str


# Faults and differences


class FaultListModel(ApiModel):
    """The injected faults, of Segment or of Insider One."""

    faults: list[JSONObject]


class ResponseDifferencePageModel(ApiModel):
    """The number of responses compared with a real account, and one page of differences."""

    compared: Count
    differences: list[JSONObject]
    next: Count | None


# Profiles and journeys


class ProfileModel(ApiModel):
    """A profile with its first events; `events_next` is the `after` of the others."""

    id: str
    identifiers: JSONObject
    attributes: JSONObject
    events: list[JSONObject]
    reach: JSONObject
    unsubscribe_groups: list[JSONObject]
    personal: JSONObject
    identifier_values: JSONObject
    created_at: str
    updated_at: str
    trail: list[JSONObject]
    merges: list[JSONObject]
    event_count: Count
    events_next: Count | None


class ProfilePageModel(ApiModel):
    """One page of profiles; `next` is null on the last page."""

    profiles: list[ProfileModel]
    next: Count | None


class ProfileEventPageModel(ApiModel):
    """One page of a profile's events; `next` is null on the last page."""

    events: list[JSONObject]
    next: Count | None


class JourneyModel(ApiModel, kw_only=True):
    """A journey with its counters."""

    simulated: str | UnsetType = UNSET
    id: Count
    name: str
    counters: JSONObject
    goals: JSONObject
    elements: list[JSONObject]
    definition: JSONObject


class JourneyListModel(ApiModel):
    """All journeys of the workspace."""

    simulated: str
    journeys: list[JourneyModel]
    next: None


class JourneyRunModel(ApiModel):
    """The run of one profile through a journey."""

    id: Count
    journey_id: Count
    profile_id: str
    status: JourneyRunStatus
    entered_at: str
    waits_until: str | None
    ended_at: str | None
    goals: list[str]
    trail: list[JSONObject]


class JourneyRunPageModel(ApiModel):
    """One page of journey runs; `next` is null on the last page."""

    simulated: str
    runs: list[JourneyRunModel]
    next: Count | None


# Clock, storage, sandboxes and workspaces


class ClockModel(ApiModel):
    """The sandbox clock; `offset` is in seconds ahead of real time."""

    now: str
    frozen: bool
    offset: float


class RetentionModel(ApiModel):
    """Retention limits of stored messages; null is without limit."""

    days: float | None
    messages: Count | None
    bytes: Count | None


class StorageModel(CamelCaseModel):
    """Number and size of the stored records."""

    messages: Count
    deliveries: Count
    oldest: str | None
    remembered_ids: Count
    used_bytes: Count
    file_bytes: Count | None
    keep: RetentionModel


class SandboxModel(CamelCaseModel):
    """A sandbox: its address, keys and clock."""

    id: str
    url: str
    write_key: str
    account: str
    key: str
    workspace: str
    now: str
    created_at: str
    team: str | None


class SandboxListModel(ApiModel):
    """All sandboxes of the caller."""

    sandboxes: list[SandboxModel]
    next: None


class ImportModel(ApiModel):
    """The number of rows that a sandbox import stored."""

    imported: Count


# Destination and integrations


class SubscriptionModel(CamelCaseModel):
    """A subscription of the destination; 1 is the first."""

    number: Count
    name: str
    action_slug: str
    enabled: bool
    trigger: Any


class DestinationModel(ApiModel):
    """Control API model of the destination with its settings and subscriptions."""

    name: str | None
    enabled: bool
    settings: JSONObject
    subscriptions: list[SubscriptionModel]


class ChangeModel(CamelCaseModel):
    """A change of the destination; the newest one can be undone."""

    id: str
    title: str
    at: str
    is_newest: bool


class ChangeListModel(ApiModel):
    """The changes of the destination, oldest first."""

    changes: list[ChangeModel]


class IntegrationModel(CamelCaseModel):
    """An integration of the InOne panel."""

    id: Count
    name: str
    type: str
    account_name: str
    key: str
    origin: Literal["panel", "workspace"]
    created_at: str
    created_by: str | None
    revoked_at: str | None


class IntegrationPageModel(ApiModel):
    """One page of integrations; `next` is null on the last page."""

    integrations: list[IntegrationModel]
    next: Count | None


class IdentifierListModel(ApiModel):
    """The identifiers that resolve profiles, strongest first."""

    identifiers: list[str]
