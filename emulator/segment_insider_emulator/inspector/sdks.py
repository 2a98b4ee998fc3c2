"""How to point each SDK at this emulator, as docs/sdks.md has it, ready to be copied."""

from typing import NamedTuple
from urllib.parse import urlsplit

import orjson


class Sdk(NamedTuple):
    """One SDK, and the code that has it send here."""

    name: str
    code: str


_SAMPLE = orjson.dumps(
    {"userId": "ada", "event": "Product Viewed", "properties": {"product_id": "mug", "price": 8.5}}
).decode()


def sdks(url: str, key: str) -> list[Sdk]:
    """Code for each SDK.

    Args:
        url: Where this emulator is, without a slash at the end.
        key: The write key.
    """
    where = urlsplit(url)
    host, path, scheme = where.netloc, where.path, where.scheme
    api = f"{host}{path}/v1"
    node_path = f', path: "{path}/v1/batch"' if path else ""
    return [
        Sdk(
            "curl",
            f"curl {url}/v1/track -u {key}: \\\n"
            f"  -H 'Content-Type: application/json' \\\n  -d '{_SAMPLE}'",
        ),
        Sdk(
            "Browser",
            'import { AnalyticsBrowser } from "@segment/analytics-next"\n\n'
            f'const analytics = AnalyticsBrowser.load({{\n  writeKey: "{key}",\n'
            f'  cdnURL: "{url}",\n}})\n'
            "// In Segment's snippet, have the script come from\n"
            f"// {url}/analytics.js/v1/{key}/analytics.min.js",
        ),
        Sdk(
            "Node",
            'import { Analytics } from "@segment/analytics-node"\n\n'
            f'const analytics = new Analytics({{\n  writeKey: "{key}",\n'
            f'  host: "{scheme}://{host}"{node_path},\n}})',
        ),
        Sdk(
            "Python",
            "import segment.analytics as analytics\n\n"
            f'analytics.write_key = "{key}"\nanalytics.host = "{url}"',
        ),
        Sdk("Java", f'Analytics.builder("{key}")\n  .endpoint("{url}")\n  .build();'),
        Sdk("Go", f'analytics.NewWithConfig("{key}",\n  analytics.Config{{Endpoint: "{url}"}})'),
        Sdk(
            "PHP",
            f'Segment\\Segment::init("{key}", [\n  "host" => "{host}{path}",\n'
            f'  "protocol" => "{scheme}://",\n]);',
        ),
        Sdk(
            "Ruby",
            f'Segment::Analytics.new(\n  write_key: "{key}",\n  host: "{where.hostname}",\n'
            f"  port: {where.port or (443 if scheme == 'https' else 80)})",
        ),
        Sdk(
            "React Native",
            f'createClient({{\n  writeKey: "{key}",\n  proxy: "{url}",\n  cdnProxy: "{url}",\n'
            "  useSegmentEndpoints: true,\n})",
        ),
        Sdk(
            "Kotlin, Swift, C#",
            f'// Without a scheme; these SDKs speak https only.\napiHost = "{api}"\n'
            f'cdnHost = "{api}"',
        ),
    ]
