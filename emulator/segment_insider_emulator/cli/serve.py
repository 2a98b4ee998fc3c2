"""`emulator serve`: the emulator in the foreground."""

import logging
import os
import shlex
from collections.abc import Iterator

import click
import orjson

from segment_insider_emulator.cli.inputs import (
    add_workspace_options,
    load_workspace,
    selected_workspace_name,
)
from segment_insider_emulator.config import Config, load_config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.workspace.loading import is_preset_name
from segment_insider_emulator.workspace.model import Workspace

DEFAULT_CONFIG = Config()
_MAX_LISTED_ERRORS = 5  # of a workspace, that are told at start
# Checking more takes longer than a start should, and Segment allows no more.
_MAX_CHECKED_SUBSCRIPTIONS = 50


@click.command("serve", epilog="Example: emulator serve --port 8282 --db :memory:")
@click.option("--host", help=f"Address to listen at.  [{DEFAULT_CONFIG.host}]")
@click.option("--port", help=f"Port to listen at, 0 for any free one.  [{DEFAULT_CONFIG.port}]")
@add_workspace_options()
@click.option("--db", help=f"File, postgresql://… or :memory:.  [{DEFAULT_CONFIG.db}]")
@click.option("--insider-url", metavar="URL", help="Deliver there instead of to this emulator.")
@click.option("--cache", metavar="FOLDER", help=f"For analytics.js.  [{DEFAULT_CONFIG.cache}]")
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
@click.option("--callback-hosts", metavar="HOSTS", help="Where error callbacks may go.  [none]")
@click.option("--teams", metavar="FILE", help="Teams with sandboxes of their own.  [none]")
@click.option(
    "--trusted-proxy", metavar="ADDRESS", help="Take client IPs from its X-Forwarded-For."
)
@click.option("--verbose", flag_value="true", help="Log each request and delivery, too.")
def serve_command(preset: str | None, **flags: str | None) -> None:
    """Run the emulator until it is stopped.

    Each option is also an environment variable, such as EMULATOR_PORT. Errors of the workspace are
    told, as `emulator lint` tells them; it runs nevertheless, as Segment would.
    """
    name = selected_workspace_name(flags["workspace"], preset)
    # Here, not above: `emulator serve --help` needs neither a web framework nor a database.
    from segment_insider_emulator.app import create_app
    from segment_insider_emulator.storage.database_file import lock_database_file
    from segment_insider_emulator.web.sandbox_registry import SandboxRegistry
    from segment_insider_emulator.web.server import serve

    config = load_config(os.environ, {**flags, "workspace": name})
    _configure_logging(config.verbose)
    workspace = load_workspace(None if preset else config.workspace, preset)
    with lock_database_file(config.db):
        app = create_app(config, workspace)
        sandboxes: SandboxRegistry = app.extensions["sandboxes"]
        try:
            serve(
                app,
                config.host,
                config.port,
                lambda url: _print_ready(config, url, workspace),
                config.trusted_proxy,
            )
        finally:
            sandboxes.close()


def _configure_logging(verbose: bool) -> None:
    """Say on stderr what goes wrong or, with *verbose*, all that the emulator has to say."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("segment_insider_emulator").setLevel(
        logging.INFO if verbose else logging.WARNING
    )


def _print_ready(config: Config, url: str, workspace: Workspace) -> None:
    from segment_insider_emulator.web.access import is_loopback

    click.echo(f"ready at {url} with write key {workspace.write_key}", err=True)
    if config.password is None and not is_loopback(config.host):
        what = f"anybody who reaches {config.host} can read what is captured, and clear it"
        click.echo(f"emulator: {what}. Set EMULATOR_PASSWORD, or serve at 127.0.0.1.", err=True)
    if config.workspace and not is_preset_name(config.workspace):
        for line in (
            *_describe_plan_problems(workspace),
            *_describe_workspace_errors(workspace, config.workspace),
        ):
            click.echo(f"emulator: {line}", err=True)


def _describe_plan_problems(workspace: Workspace) -> Iterator[str]:
    """The rules of the tracking plan that are not checked, a line each."""
    for problem in workspace.tracking_plan.problems if workspace.tracking_plan else ():
        yield str(EmulatorError(problem.what, problem.where, problem.remedy))


def _describe_workspace_errors(workspace: Workspace, file: str) -> Iterator[str]:
    """What does not work in the workspace of a *file*, a line each."""
    from segment_insider_emulator.analysis.lint import lint_document

    more = f"`emulator lint {shlex.quote(file)}`"
    count = len(workspace.destination["subscriptions"])
    if count > _MAX_CHECKED_SUBSCRIPTIONS:
        yield f"{file}: {count} subscriptions are not checked at start. {more} checks them."
        return
    errors = [each for each in lint_document(workspace.document) if each.severity == "error"]
    for each in errors[:_MAX_LISTED_ERRORS]:
        yield str(EmulatorError(each.what, f"{file}: {each.where}", each.remedy))
    if len(errors) > _MAX_LISTED_ERRORS:
        yield f"{file}: {len(errors) - _MAX_LISTED_ERRORS} more errors. {more} lists them."


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
