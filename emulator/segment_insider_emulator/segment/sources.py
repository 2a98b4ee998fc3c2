"""The settings of a source that Segment's CDN gives to browser and mobile SDKs."""

from collections.abc import Sequence
from dataclasses import replace

from segment_insider_emulator.segment.ingest import Message
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import SegmentSource

UNKNOWN_WRITE_KEY_TEXT = "No source has this write key. Use one of this workspace."
DISABLED_SOURCE_TEXT = "The source is turned off in the workspace. Set its `enabled` to true."


def assign_sources(
    messages: list[Message], sources: Sequence[SegmentSource], *, strict: bool
) -> list[Message]:
    """Set the source of each message; discard those without an enabled source, as Segment does.

    Args:
        sources: Of the workspace; the first stands in for a write key that none has.
        strict: Drop what carries such a key instead.
    Source: Segment, Delivery Overview, discards `unknown_source` and `source_disabled`.
    """
    known = {source.write_key: source for source in sources}
    default = None if strict else sources[0]
    return [_assign_source(message, known.get(message.write_key, default)) for message in messages]


def _assign_source(message: Message, source: SegmentSource | None) -> Message:
    if source is None:
        return _discard_message(message, "unknown_source", UNKNOWN_WRITE_KEY_TEXT)
    named = replace(message, source=source.name)
    return (
        named
        if source.enabled
        else _discard_message(named, "source_disabled", DISABLED_SOURCE_TEXT)
    )


def _discard_message(message: Message, code: str, detail: str) -> Message:
    return replace(message, event={}, rejection=code, detail=detail)


def build_source_settings(write_key: str, host: str, protocol: str) -> JSONObject:
    """Build the settings of a source, so that its SDK sends to this emulator only.

    Args:
        host: Name, port and any path under which the emulator was asked, e.g. "127.0.0.1:8282".
        protocol: "http" or "https".
    Source: the settings that analytics.js 1.84.3, Kotlin and Swift read. (observed, source)
    """
    return {
        "integrations": {
            # Alone: a second name makes analytics.js load more of itself before it sends anything.
            "Segment.io": {
                "apiKey": write_key,
                # Named both: without a host events go to the real service, without the protocol
                # to https.
                "apiHost": f"{host}/v1",
                "protocol": protocol,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {
            "track": {"__default": {"enabled": True, "integrations": {}}},
            "identify": {"__default": {"enabled": True}},
            "group": {"__default": {"enabled": True}},
        },
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        # Counters about the SDK itself go to the real service unless a page says otherwise.
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
