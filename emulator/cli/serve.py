"""`emulator serve`: the emulator in the foreground."""

import logging
import os

import click

from emulator.config import Config, configure

DEFAULTS = Config()


@click.command("serve", epilog="Example: emulator serve --port 8282 --db :memory:")
@click.option("--host", help=f"Address to listen at.  [{DEFAULTS.host}]")
@click.option("--port", help=f"Port to listen at, 0 for any free one.  [{DEFAULTS.port}]")
@click.option("--workspace", metavar="FILE", help="Workspace file or preset.  [guide]")
@click.option("--db", help=f"File, postgresql://… or :memory:.  [{DEFAULTS.db}]")
@click.option("--insider-url", metavar="URL", help="Deliver there instead of to this emulator.")
@click.option("--cache", metavar="FOLDER", help=f"For analytics.js.  [{DEFAULTS.cache}]")
@click.option(
    "--async", "asynchronous", flag_value="true", help="Answer first, deliver after: faster."
)
@click.option("--seed", help="Text that decides whatever is left to chance.")
@click.option(
    "--strict", flag_value="true", help="Drop what carries an unknown write key, as with --teams."
)
@click.option("--keep-days", metavar="DAYS", help="Forget older messages.  [never]")
@click.option("--keep-messages", metavar="COUNT", help="Forget the oldest beyond.  [never]")
@click.option("--keep-bytes", metavar="SIZE", help="So that the database fits, e.g. 2GB.  [never]")
@click.option("--keep-sandboxes", metavar="HOURS", help="End those unused so long.  [never]")
@click.option("--teams", metavar="FILE", help="Teams with sandboxes of their own.  [none]")
@click.option("--verbose", flag_value="true", help="Log each request and delivery, too.")
def command(**flags: str | None) -> None:
    """Run the emulator until it is stopped.

    Each option is also an environment variable, such as EMULATOR_PORT.
    """
    # Here, not above: `emulator serve --help` needs neither a web framework nor a database.
    from emulator.app import create_app
    from emulator.sandboxes import Sandboxes
    from emulator.server import serve
    from emulator.workspace import load, preset

    config = configure(os.environ, flags)
    _log(config.verbose)
    workspace = load(config.workspace) if config.workspace else preset("guide")
    app = create_app(config, workspace)
    sandboxes: Sandboxes = app.extensions["sandboxes"]
    try:
        serve(app, config.host, config.port, lambda url: _ready(config, url, workspace.write_key))
    finally:
        sandboxes.close()


def _log(verbose: bool) -> None:
    """Say on stderr what goes wrong or, with *verbose*, all that the emulator has to say."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("emulator").setLevel(logging.INFO if verbose else logging.WARNING)


def _ready(config: Config, url: str, write_key: str) -> None:
    from emulator.guard import is_loopback

    click.echo(f"ready at {url} with write key {write_key}", err=True)
    if config.password is None and not is_loopback(config.host):
        what = f"anybody who reaches {config.host} can read what is captured, and clear it"
        click.echo(f"emulator: {what}. Set EMULATOR_PASSWORD, or serve at 127.0.0.1.", err=True)
