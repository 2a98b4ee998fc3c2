"""What Segment's CDN tells a browser or a mobile app about its source."""

from segment_insider_emulator.types import JSONObject


def build_source_settings(write_key: str, host: str, protocol: str) -> JSONObject:
    """The settings of a source, such that its events come to this emulator and nowhere else.

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
