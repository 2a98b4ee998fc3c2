"""Classes of a workspace: its destination, sources, account, plans and Segment options."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Literal, NamedTuple, TypeAlias

import orjson

from segment_insider_emulator.filtering.tracking_plan import TrackingPlan
from segment_insider_emulator.functions.segment_function import (
    FUNCTION_KINDS,
    NO_FUNCTIONS,
    WorkspaceFunctions,
    build_functions,
)
from segment_insider_emulator.insider.account_options import (
    ContactKeys,
    InsiderAccountOptions,
    derive_contact_keys,
    parse_account_options,
)
from segment_insider_emulator.mapping.catalog import DESTINATION_METADATA_ID
from segment_insider_emulator.types import JSONObject

ScreenCalls: TypeAlias = Literal["warn", "filter"]


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """Options of the Segment side; the workspace file has the same names in camelCase.

    Args:
        context_ip: Fill `context.ip` of browsers and apps in.
        screen_calls: "warn" delivers a screen call that a mapping takes, "filter" stops it.
    """

    context_ip: bool = True
    screen_calls: ScreenCalls = "warn"


def read_segment_options(document: JSONObject) -> SegmentOptions:
    """Read the options under `segment` of a valid workspace document."""
    return SegmentOptions(document.get("contextIp", True), document.get("screenCalls", "warn"))


def build_consent_settings(document: JSONObject) -> JSONObject | None:
    """Return a workspace's consent settings as Segment's CDN serves them; None without categories.

    Source: `@segment/analytics-next`, `CDNSettings.consentSettings`; the categories are those of
        the workspace and of its destination.
    """
    settings = document.get("consentSettings", {})
    own: list[str] = document["destination"].get("consentSettings", {}).get("categories", [])
    categories = list(dict.fromkeys((*settings.get("allCategories", ()), *own)))
    if not categories:
        return None
    unmapped = settings.get("hasUnmappedDestinations", not own)
    return {"allCategories": categories, "hasUnmappedDestinations": unmapped}


class ScopedTransformations(NamedTuple):
    """The transformations of a workspace that its source's events pass, as documents, by scope."""

    of_source: tuple[JSONObject, ...] = ()
    of_destination: tuple[JSONObject, ...] = ()


def select_transformations(document: JSONObject) -> ScopedTransformations:
    """Select the transformations of a workspace document that change events of its source.

    Those of other sources and destinations are left out. Source: Segment's Public API; a
        transformation with destinationMetadataId is for all instances of that destination.
    """
    documents = document.get("transformations")
    if not documents:
        return ScopedTransformations()
    source_id = document.get("source", {}).get("id")
    own = [
        transformation
        for transformation in documents
        if not source_id or transformation.get("sourceId", source_id) == source_id
    ]
    return ScopedTransformations(
        tuple(entry for entry in own if not entry.get("destinationMetadataId")),
        tuple(
            entry for entry in own if entry.get("destinationMetadataId") == DESTINATION_METADATA_ID
        ),
    )


REDACTED = "…"
TEST_ACCOUNT_KEY = "test-key"  # the account key in imported and exported workspace files
# Identifiers of an account without a list of its own; the order is an assumption.
DEFAULT_IDENTIFIERS = ("uuid", "email", "phone_number")


@dataclass(frozen=True, slots=True)
class SegmentSource:
    """A Segment source with its write key. A disabled source rejects all calls.

    A source with several keys has one entry for each key.
    """

    name: str
    write_key: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class OAuthApplication:
    """An OAuth application: its id, and the public key (PEM) that verifies its assertions."""

    client_id: str
    public_key: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """A validated workspace: Segment sources, one destination, and the Insider One account.

    Args:
        source_name: Name of the first source, e.g. "Web shop".
        write_key: Write key of the first source.
        destination: In the format of Segment's Public API, with `settings` and `subscriptions`.
        account_name: Insider One account name, as the endpoint expects it.
        account_key: Key of the account.
        identifiers: Identifiers that resolve profiles, in the order in which they are tried.
        document: The complete workspace document.
        insider_options: Other settings of the Insider One account.
        source_enabled: Whether the first source accepts calls.
        other_sources: The other sources, and the first source's other keys.
        oauth_application: None when tokens are not checked.
        tracking_plan: None when no plan is connected.
        segment_options: Settings of Segment.
        functions: Segment functions with their code.
    """

    source_name: str
    write_key: str
    destination: JSONObject
    account_name: str
    account_key: str
    identifiers: tuple[str, ...]
    document: JSONObject
    insider_options: InsiderAccountOptions = field(default_factory=InsiderAccountOptions)
    source_enabled: bool = True
    other_sources: tuple[SegmentSource, ...] = ()
    oauth_application: OAuthApplication | None = None
    tracking_plan: TrackingPlan | None = None
    segment_options: SegmentOptions = field(default_factory=SegmentOptions)
    functions: WorkspaceFunctions = NO_FUNCTIONS

    @property
    def contact_keys(self) -> ContactKeys:
        """Keys of the account for Insider One's Contact API; by default derived from its key."""
        derived = derive_contact_keys(self.account_key)
        account = self.document.get("insider", {}).get("account", {})
        return ContactKeys(
            account.get("unsubscribeKey", derived.unsubscribe),
            account.get("resubscribeKey", derived.subscribe),
        )

    @property
    def sources(self) -> tuple[SegmentSource, ...]:
        """All Segment sources; the first is also used for unknown write keys."""
        return (
            SegmentSource(self.source_name, self.write_key, self.source_enabled),
            *self.other_sources,
        )


def build_workspace(document: JSONObject) -> Workspace:
    """Build a workspace from a valid workspace document."""
    settings = document["destination"]["settings"]
    insider = document.get("insider", {})
    account = insider.get("account", {"name": settings["account_name"], "key": settings["ucd_key"]})
    return Workspace(
        source_name=document["source"]["name"],
        write_key=document["source"]["writeKey"],
        destination=document["destination"],
        account_name=account["name"],
        account_key=account["key"],
        identifiers=tuple(insider.get("identifiers", DEFAULT_IDENTIFIERS)),
        document=document,
        insider_options=parse_account_options(insider.get("options", {})),
        source_enabled=document["source"].get("enabled", True),
        other_sources=(
            *_list_sources_for_further_write_keys(document["source"]),
            *map(_build_source, document.get("sources", [])),
        ),
        oauth_application=_build_oauth_application(document.get("oauth")),
        segment_options=read_segment_options(document.get("segment", {})),
        functions=build_functions(document["functions"])
        if "functions" in document
        else NO_FUNCTIONS,
    )


def fingerprint_document(document: JSONObject) -> str:
    """Return a hash that identifies a workspace document."""
    canonical = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return blake2b(canonical, digest_size=16).hexdigest()


def replace_write_key_and_account(
    workspace: Workspace, write_key: str, account_name: str, account_key: str
) -> Workspace:
    """Return *workspace* with the first source's write key and the account replaced.

    Args:
        account_name, account_key: The new account of Insider One. The destination's settings get
            them, too, if they had those of the old account.
    """
    document = workspace.document
    settings = workspace.destination["settings"]
    configured = (settings["account_name"], settings["ucd_key"])
    if configured == (workspace.account_name, workspace.account_key):
        settings = {**settings, "account_name": account_name, "ucd_key": account_key}
    destination = {**workspace.destination, "settings": settings}
    account = {"name": account_name, "key": account_key}
    if (account_name, account_key) == (workspace.account_name, workspace.account_key):
        # Its keys of the Contact API stay; another account has its own.
        account = document.get("insider", {}).get("account", account)
    insider = {**document.get("insider", {}), "account": account}
    source = {**document.get("source", {}), "writeKey": write_key}
    return replace(
        workspace,
        write_key=write_key,
        account_name=account_name,
        account_key=account_key,
        destination=destination,
        document={**document, "source": source, "destination": destination, "insider": insider},
    )


def _list_sources_for_further_write_keys(source_document: JSONObject) -> Iterator[SegmentSource]:
    for key in dict.fromkeys(source_document.get("writeKeys", [])):
        if key != source_document["writeKey"]:
            yield _build_source(source_document | {"writeKey": key})


def replace_hash_key(transformation: JSONObject, replacement: str) -> JSONObject:
    """Return a transformation with the secret key of its hash replaced, where it has one."""
    hashing = transformation.get("hashPropertiesConfiguration")
    if not isinstance(hashing, dict) or not hashing.get("key"):
        return transformation
    return {**transformation, "hashPropertiesConfiguration": {**hashing, "key": replacement}}


def redact_workspace_document(document: JSONObject) -> JSONObject:
    """Return a workspace document without the account's keys and without file names."""
    redacted = dict(document)
    if isinstance(redacted.get("trackingPlan"), str):
        del redacted["trackingPlan"]
    if "functions" in redacted:
        redacted["functions"] = _redact_functions(redacted["functions"])
    destination = redacted["destination"]
    redacted["destination"] = {
        **destination,
        "settings": {**destination["settings"], "ucd_key": REDACTED},
    }
    if transformations := redacted.get("transformations"):
        redacted["transformations"] = [
            replace_hash_key(entry, REDACTED) for entry in transformations
        ]
    insider = redacted.get("insider", {})
    if "account" in insider:
        account = {
            name: value if name == "name" else REDACTED
            for name, value in insider["account"].items()
        }
        redacted["insider"] = {**insider, "account": account}
    return redacted


def _redact_functions(functions: JSONObject) -> JSONObject:
    """Return functions without the values of their settings and without file names."""
    redacted = {key: value for key, value in functions.items() if key != "libraries"}
    for kind in FUNCTION_KINDS:
        if kind in redacted:
            redacted[kind] = [
                {**function, "settings": dict.fromkeys(function["settings"], REDACTED)}
                if "settings" in function
                else function
                for function in redacted[kind]
            ]
    return redacted


def _build_source(source_document: JSONObject) -> SegmentSource:
    return SegmentSource(
        source_document["name"], source_document["writeKey"], source_document.get("enabled", True)
    )


def _build_oauth_application(oauth_document: JSONObject | None) -> OAuthApplication | None:
    return (
        OAuthApplication(oauth_document["clientId"], oauth_document["publicKey"])
        if oauth_document
        else None
    )
