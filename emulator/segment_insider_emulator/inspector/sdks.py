"""How to point each SDK at this emulator, as docs/sdks.md has it, ready to be copied."""

from typing import NamedTuple
from urllib.parse import urlsplit

import orjson


class SdkSnippet(NamedTuple):
    """One SDK, and the code that has it send here."""

    name: str
    code: str


_SAMPLE_CALL_JSON = orjson.dumps(
    {"userId": "ada", "event": "Product Viewed", "properties": {"product_id": "mug", "price": 8.5}}
).decode()


def build_sdk_snippets(base_url: str, write_key: str) -> list[SdkSnippet]:
    """Code for each SDK.

    Args:
        url: Where this emulator is, without a slash at the end.
        key: The write key.
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
            f'analytics.NewWithConfig("{write_key}",\n  analytics.Config{{Endpoint: "{base_url}"}})',
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
            f'createClient({{\n  writeKey: "{write_key}",\n  proxy: "{base_url}",\n  cdnProxy: "{base_url}",\n'
            "  useSegmentEndpoints: true,\n})",
        ),
        SdkSnippet(
            "Kotlin, Swift, C#",
            f'// Without a scheme; these SDKs speak https only.\napiHost = "{api}"\n'
            f'cdnHost = "{api}"',
        ),
    ]
