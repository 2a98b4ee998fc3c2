"""`emulator assets`: fetch what browsers load, for the days without a network."""

import os

import click
import orjson

from segment_insider_emulator.config import configure


@click.command("assets", epilog="Example: emulator assets --cache /srv/cache")
@click.option("--cache", metavar="FOLDER", help="Where to keep them.  [the user's cache folder]")
@click.option("--json", "as_json", is_flag=True, help="Print the folder and the files as JSON.")
def command(cache: str | None, as_json: bool) -> None:
    """Fetch analytics.js with npm, once; from then on browsers are served without a network.

    `emulator serve` does so by itself when a page first asks.
    """
    from pathlib import Path

    from segment_insider_emulator.segment.assets import VERSION, Assets

    config = configure(os.environ, {"cache": cache})
    assets = Assets(Path(config.cache).expanduser())
    assets.fetch()
    names = sorted(path.name for path in assets.folder.iterdir())
    if as_json:
        shown = {"version": VERSION, "folder": str(assets.folder), "files": names}
        click.echo(orjson.dumps(shown))
    else:
        click.echo(f"analytics.js {VERSION}, {len(names)} files, in {assets.folder}")
