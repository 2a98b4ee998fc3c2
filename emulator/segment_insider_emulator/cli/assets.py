"""`emulator assets`: fetch what browsers load, for the days without a network."""

import os

import click
import orjson

from segment_insider_emulator.config import load_config


@click.command("assets", epilog="Example: emulator assets --cache /srv/cache")
@click.option("--cache", metavar="FOLDER", help="Where to keep them.  [the user's cache folder]")
@click.option("--json", "as_json", is_flag=True, help="Print the folder and the files as JSON.")
def assets_command(cache: str | None, as_json: bool) -> None:
    """Fetch analytics.js with npm, once; from then on browsers are served without a network.

    `emulator serve` does so by itself when a page first asks.
    """
    from pathlib import Path

    from segment_insider_emulator.segment.assets import ANALYTICS_JS_VERSION, AnalyticsJsAssets

    config = load_config(os.environ, {"cache": cache})
    assets = AnalyticsJsAssets(Path(config.cache).expanduser())
    assets.fetch_if_missing()
    names = sorted(path.name for path in assets.folder.iterdir())
    if as_json:
        document = {"version": ANALYTICS_JS_VERSION, "folder": str(assets.folder), "files": names}
        click.echo(orjson.dumps(document))
    else:
        click.echo(f"analytics.js {ANALYTICS_JS_VERSION}, {len(names)} files, in {assets.folder}")
