"""Calls that pages send to Segment as an SDK does, and the code that configures an SDK."""

from importlib.resources import files
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.segment.ingest import BATCH_KIND
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.segment_routes import ingest_call
from segment_insider_emulator.web.services import current_services


def send_call_to_segment(call: JSONObject) -> None:
    """Send one call to the emulated Segment API as an SDK does.

    Raises: IngestError, when Segment refuses it.
    """
    send_call_batch_to_segment([call])


def send_call_batch_to_segment(calls: list[JSON], source_name: str = "") -> None:
    """Send calls to the emulated Segment API in one batch, with a source's write key.

    Args:
        source_name: One of the workspace; "" or an unknown one is the first.
    """
    services = current_services()
    keys = {source.name: source.write_key for source in services.sources}
    write_key = keys.get(source_name, services.workspace.write_key)
    ingest_call({"writeKey": write_key, "batch": calls}, BATCH_KIND)


def load_sample_calls() -> list[JSON]:
    """Load the Segment calls of a sample shopper, including common integration mistakes."""
    text = files(__package__).joinpath("sample.json").read_text("utf-8")
    calls: list[JSON] = parse_json(text.encode())
    return calls


class SdkSnippet(NamedTuple):
    """A snippet of the Live page: an SDK's name and the code that configures it."""

    name: str
    code: str


_SAMPLE_CALL_JSON = orjson.dumps(
    {"userId": "ada", "event": "Product Viewed", "properties": {"product_id": "mug", "price": 8.5}}
).decode()


def build_sdk_snippets(base_url: str, write_key: str) -> list[SdkSnippet]:
    """Return for each SDK the code that configures it for this emulator.

    Args:
        base_url: Where this emulator is, without a slash at the end.
        write_key: The write key.
    """
    where = urlsplit(base_url)
    host, path, scheme = where.netloc, where.path, where.scheme
    api = f"{host}{path}/v1"
    node_path = f', path: "{path}/v1/batch"' if path else ""
    return [
        SdkSnippet(
            "curl",
            f"curl {base_url}/v1/track -u {write_key}: \\\n"
            f"  -H 'Content-Type: application/json' \\\n  -d '{_SAMPLE_CALL_JSON}'",
        ),
        SdkSnippet(
            "Browser",
            'import { AnalyticsBrowser } from "@segment/analytics-next"\n\n'
            f'const analytics = AnalyticsBrowser.load({{\n  writeKey: "{write_key}",\n'
            f'  cdnURL: "{base_url}",\n}})\n'
            "// In Segment's snippet, have the script come from\n"
            f"// {base_url}/analytics.js/v1/{write_key}/analytics.min.js",
        ),
        SdkSnippet(
            "Node",
            'import { Analytics } from "@segment/analytics-node"\n\n'
            f'const analytics = new Analytics({{\n  writeKey: "{write_key}",\n'
            f'  host: "{scheme}://{host}"{node_path},\n}})',
        ),
        SdkSnippet(
            "Python",
            "import segment.analytics as analytics\n\n"
            f'analytics.write_key = "{write_key}"\nanalytics.host = "{base_url}"',
        ),
        SdkSnippet(
            "Java", f'Analytics.builder("{write_key}")\n  .endpoint("{base_url}")\n  .build();'
        ),
        SdkSnippet(
            "Go",
            f'analytics.NewWithConfig("{write_key}",\n  '
            f'analytics.Config{{Endpoint: "{base_url}"}})',
        ),
        SdkSnippet(
            "PHP",
            f'Segment\\Segment::init("{write_key}", [\n  "host" => "{host}{path}",\n'
            f'  "protocol" => "{scheme}://",\n]);',
        ),
        SdkSnippet(
            "Ruby",
            f'Segment::Analytics.new(\n  write_key: "{write_key}",\n  host: "{where.hostname}",\n'
            f"  port: {where.port or (443 if scheme == 'https' else 80)})",
        ),
        SdkSnippet(
            "React Native",
            f'createClient({{\n  writeKey: "{write_key}",\n  proxy: "{base_url}",\n'
            f'  cdnProxy: "{base_url}",\n'
            "  useSegmentEndpoints: true,\n})",
        ),
        SdkSnippet(
            "Kotlin, Swift, C#",
            f'// Without a scheme; these SDKs speak https only.\napiHost = "{api}"\n'
            f'cdnHost = "{api}"',
        ),
    ]
