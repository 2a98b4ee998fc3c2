"""The commands `emulator serve` and `emulator assets`: run the server, download analytics.js."""

import gc
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
import orjson

from segment_insider_emulator.cli import pause_garbage_collection
from segment_insider_emulator.cli.inputs import (
    add_workspace_options,
    get_selected_workspace_name,
    load_workspace,
)
from segment_insider_emulator.config import Config, load_config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import current_masking
from segment_insider_emulator.terminal_output import print_lines
from segment_insider_emulator.workspace.loading import is_preset_name
from segment_insider_emulator.workspace.model import Workspace

if TYPE_CHECKING:
    from flask import Flask

    from segment_insider_emulator.masking import Pseudonyms
    from segment_insider_emulator.web.workspace_watcher import WorkspaceWatcher

DEFAULT_CONFIG = Config()
_MAX_LISTED_ERRORS = 5  # of a workspace, printed at start
# Segment allows no more, and checking more would slow down the start.
_MAX_CHECKED_SUBSCRIPTIONS = 50


@click.command("serve", epilog="Example: emulator serve --port 8282 --db :memory:")
@click.option("--host", help=f"Address to listen at.  [{DEFAULT_CONFIG.host}]")
@click.option("--port", help=f"Port to listen at, 0 for any free one.  [{DEFAULT_CONFIG.port}]")
@add_workspace_options()
@click.option("--db", help=f"File, postgresql://… or :memory:.  [{DEFAULT_CONFIG.db}]")
@click.option(
    "--insider-url", metavar="URL", help="Deliver to this server instead of the emulator."
)
@click.option(
    "--cache", metavar="FOLDER", help=f"Folder for analytics.js.  [{DEFAULT_CONFIG.cache}]"
)
@click.option(
    "--async", "asynchronous", flag_value="true", help="Deliver after the response: faster."
)
@click.option("--seed", help="Seed for all random choices.")
@click.option(
    "--strict", flag_value="true", help="Drop events with an unknown write key, as with --teams."
)
@click.option("--keep-days", metavar="DAYS", help="Delete messages older than this.  [never]")
@click.option(
    "--keep-messages",
    metavar="COUNT",
    help="Delete the oldest messages above this number.  [never]",
)
@click.option(
    "--keep-bytes",
    metavar="SIZE",
    help="Delete the oldest messages above this size, e.g. 2GB.  [never]",
)
@click.option(
    "--keep-sandboxes", metavar="HOURS", help="Delete sandboxes unused for so long.  [never]"
)
@click.option(
    "--callback-hosts", metavar="HOSTS", help="Hosts allowed for error callbacks.  [none]"
)
@click.option("--teams", metavar="FILE", help="File of teams, each with its own sandboxes.  [none]")
@click.option(
    "--trusted-proxy", metavar="ADDRESS", help="Trust the X-Forwarded headers of this proxy."
)
@click.option(
    "--url-prefix", metavar="PATH", help="Path at which a proxy serves it, as /tools/emu.  [/]"
)
@click.option(
    "--public-url", metavar="URL", help="Address that people use; all links start with it."
)
@click.option(
    "--allowed-hosts", metavar="NAMES", help="Host names to accept besides this machine's."
)
@click.option(
    "--tls",
    flag_value="true",
    help="Serve https, too; `emulator certificate` says how to trust it.",
)
@click.option("--tls-port", metavar="PORT", help=f"Port for https.  [{DEFAULT_CONFIG.tls_port}]")
@click.option("--tls-cert", metavar="FILE", help="Your own certificate for https, in PEM.")
@click.option("--tls-key", metavar="FILE", help="Its key, in PEM.")
@click.option(
    "--overlay",
    flag_value="true",
    help="Show the verdict of each call in pages that load analytics.js from here.",
)
@click.option(
    "--steps", metavar="FOLDER", help="Folder with a conftest.py: steps for features run on pages."
)
@click.option(
    "--mask", flag_value="true", help="Show pseudonyms of people in pages, the API and logs."
)
@click.option(
    "--metrics", flag_value="true", help="Answer /metrics for Prometheus. Needs [metrics]."
)
@click.option(
    "--mcp-changes", flag_value="true", help="Let agents at /mcp change mappings and the clock."
)
@click.option("--watch", is_flag=True, help="Load the workspace file again when it changes.")
@click.option("--verbose", flag_value="true", help="Log every request and delivery, too.")
def serve_command(preset: str | None, watch: bool, **flags: str | None) -> None:
    """Run the emulator until it is stopped.

    Each option is also an environment variable, such as EMULATOR_PORT. Errors of the workspace are
    printed as by `emulator lint`, but do not stop the emulator, as they do not stop Segment.

    When it accepts requests, its addresses are one line on stdout, unless that is a terminal.
    """
    name = get_selected_workspace_name(flags["workspace"], preset)
    config = load_config(os.environ, {**flags, "workspace": name})
    if watch and (config.workspace is None or is_preset_name(config.workspace)):
        raise click.UsageError("--watch needs a workspace file: give --workspace FILE.")
    _configure_logging(config.verbose)
    with ExitStack() as cleanup:
        with pause_garbage_collection():
            # Imported here because `--help` needs neither the web framework nor the database.
            from segment_insider_emulator.app import create_app
            from segment_insider_emulator.storage.database_file import lock_database_file
            from segment_insider_emulator.web.sandbox_registry import SandboxRegistry
            from segment_insider_emulator.web.server import serve_app
            from segment_insider_emulator.web.tls import create_tls_context

            tls = create_tls_context(config)
            workspace = load_workspace(None if preset else config.workspace, preset)
            cleanup.enter_context(lock_database_file(config.db))
            app = create_app(config, workspace)
            _install_extras(app, config)
            sandboxes: SandboxRegistry = app.extensions["sandboxes"]
            cleanup.callback(sandboxes.close)
            if watch:
                cleanup.enter_context(_watch_workspace(app, config.workspace or ""))
        # What is loaded now stays until the end: searching it for garbage would hold up requests.
        gc.freeze()
        serve_app(
            app,
            config.host,
            config.port,
            lambda *urls: _print_ready_message(config, urls, workspace),
            config.trusted_proxy,
            config.url_prefix or urlsplit(config.public_url or "").path,
            config.tls_port,
            tls,
        )


def _configure_logging(verbose: bool) -> None:
    """Log the server's warnings to stderr or, with *verbose*, everything."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("segment_insider_emulator").setLevel(
        logging.INFO if verbose else logging.WARNING
    )


class MaskingFormatter(logging.Formatter):
    """Formats log records with people masked.

    Args:
        formatter: Formats them before.
    """

    def __init__(self, formatter: logging.Formatter, pseudonyms: "Pseudonyms") -> None:
        super().__init__()
        self._formatter, self._pseudonyms = formatter, pseudonyms

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback, of a log record."""
        # Imported here because few emulators mask.
        from segment_insider_emulator.masking import Masking

        masking = current_masking.get() or Masking(self._pseudonyms)
        return masking.mask_text(self._formatter.format(record))


def _install_extras(app: "Flask", config: Config) -> None:
    """Mask the people in log lines if that is set, and serve the tools of agents."""
    from segment_insider_emulator.cli.mcp import install_mcp_endpoint
    from segment_insider_emulator.web.request_masking import MASKING_KEY

    for handler in logging.getLogger().handlers if config.mask else ():
        formatter = handler.formatter or logging.Formatter()
        handler.setFormatter(MaskingFormatter(formatter, app.extensions[MASKING_KEY]))
    install_mcp_endpoint(app, allow_changes=config.mcp_changes)


def _watch_workspace(app: "Flask", path: str) -> "WorkspaceWatcher":
    from segment_insider_emulator.web.workspace_watcher import (
        WORKSPACE_WATCHER_KEY,
        WorkspaceWatcher,
    )

    watcher = WorkspaceWatcher(
        path,
        app.extensions["sandboxes"],
        lambda line: print_lines([f"emulator: {line}"], err=True),
    )
    app.extensions[WORKSPACE_WATCHER_KEY] = watcher
    return watcher


def _print_ready_message(config: Config, urls: Sequence[str], workspace: Workspace) -> None:
    from segment_insider_emulator.web.host_check import is_loopback_host

    if not sys.stdout.isatty():  # for scripts; a person reads the other line
        click.echo(" ".join(urls))
    click.echo(f"ready at {' and '.join(urls)} with write key {workspace.write_key}", err=True)
    if config.password is None and not is_loopback_host(config.host):
        what = f"everyone who can reach {config.host} can read and delete the captured data"
        click.echo(f"emulator: {what}. Set EMULATOR_PASSWORD, or serve at 127.0.0.1.", err=True)
    if config.workspace and not is_preset_name(config.workspace):
        for line in (
            *_describe_plan_problems(workspace),
            *_describe_workspace_errors(workspace, config.workspace),
        ):
            click.echo(f"emulator: {line}", err=True)


def _describe_plan_problems(workspace: Workspace) -> Iterator[str]:
    """Yield one line for each tracking plan rule that is not checked."""
    for problem in workspace.tracking_plan.problems if workspace.tracking_plan else ():
        yield str(EmulatorError(problem.what, problem.where, problem.remedy))


def _describe_workspace_errors(workspace: Workspace, file: str) -> Iterator[str]:
    """Yield one line for each lint error of the workspace *file*."""
    from segment_insider_emulator.analysis.lint import lint_document

    more = f"`emulator lint {shlex.quote(file)}`"
    count = len(workspace.destination["subscriptions"])
    if count > _MAX_CHECKED_SUBSCRIPTIONS:
        yield f"{file}: {count} subscriptions are not checked at start. {more} checks them."
        return
    errors = [
        finding for finding in lint_document(workspace.document) if finding.severity == "error"
    ]
    for error in errors[:_MAX_LISTED_ERRORS]:
        yield str(EmulatorError(error.what, f"{file}: {error.where}", error.remedy))
    if len(errors) > _MAX_LISTED_ERRORS:
        yield f"{file}: {len(errors) - _MAX_LISTED_ERRORS} more errors. {more} lists them."


@click.command("assets", epilog="Example: emulator assets --cache /srv/cache")
@click.option("--cache", metavar="FOLDER", help="Folder for the files.  [the user's cache folder]")
@click.option("--json", "as_json", is_flag=True, help="Print the folder and the files as JSON.")
def assets_command(cache: str | None, as_json: bool) -> None:
    """Download analytics.js with npm once, so that browsers can load it without a network.

    `emulator serve` does this itself when a page first asks for it.
    """
    from pathlib import Path

    from segment_insider_emulator.segment.assets import ANALYTICS_JS_VERSION, AnalyticsJsAssets

    config = load_config(os.environ, {"cache": cache})
    assets = AnalyticsJsAssets(Path(config.cache).expanduser())
    assets.download_files_if_missing()
    names = sorted(path.name for path in assets.folder.iterdir())
    if as_json:
        document = {"version": ANALYTICS_JS_VERSION, "folder": str(assets.folder), "files": names}
        click.echo(orjson.dumps(document))
    else:
        click.echo(f"analytics.js {ANALYTICS_JS_VERSION}, {len(names)} files, in {assets.folder}")


# What trusts the authority -> how. {ca} is the path of its certificate, quoted for a shell.
TRUST_STEPS = {
    "curl": "curl --cacert {ca} https://localhost:8443/emulator/v1/health",
    "Node.js": "NODE_EXTRA_CA_CERTS={ca} node app.js",
    "Python (requests)": "REQUESTS_CA_BUNDLE={ca} python app.py",
    "Python (httpx, urllib), Go, Ruby, PHP": "SSL_CERT_FILE={ca} python app.py",
    "Java": (
        "keytool -importcert -noprompt -alias emulator -file {ca} -keystore emulator.p12 "
        "-storetype PKCS12 -storepass changeit\n"
        "java -Djavax.net.ssl.trustStore=emulator.p12 -Djavax.net.ssl.trustStorePassword=changeit"
    ),
    "Chromium on Linux": (
        'certutil -d sql:"$HOME/.pki/nssdb" -A -t C,, -n segment-insider-emulator -i {ca}'
    ),
    "Safari and Chrome on macOS": (
        "security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db {ca}"
    ),
    "Edge and Chrome on Windows": "certutil -user -addstore Root {ca}",
    "Playwright": "browser.new_context(ignore_https_errors=True)",
    "iOS simulator": "xcrun simctl keychain booted add-root-cert {ca}",
    "Android emulator": (
        "adb push {ca} /sdcard/Download/\n"
        "Then: Settings, Security, Encryption & credentials, Install a certificate, CA certificate."
        "\nThe app's debug build has to trust user certificates: "
        '<certificates src="user"/> in its network_security_config.'
    ),
}


@click.command("certificate", epilog="Example: emulator certificate --json")
@click.option("--cache", metavar="FOLDER", help="Folder for the files.  [the user's cache folder]")
@click.option("--json", "as_json", is_flag=True, help="Print the path and the steps as JSON.")
def certificate_command(cache: str | None, as_json: bool) -> None:
    """Show how browsers, phones and programs trust the https address of `emulator serve --tls`.

    Makes the certificate authority of this machine if it is missing. Its key stays in the cache
    folder: who can read it can pretend to be any website to what trusts the authority.
    """
    from segment_insider_emulator.web.tls import find_authority_certificate

    path = find_authority_certificate(load_config(os.environ, {"cache": cache}).cache)
    steps = {name: step.format(ca=shlex.quote(str(path))) for name, step in TRUST_STEPS.items()}
    if as_json:
        click.echo(orjson.dumps({"certificate": str(path), "trust": steps}))
        return
    click.echo(f"The certificate of the authority: {path}")
    for name, step in steps.items():
        click.echo(f"\n{name}:")
        click.echo("".join(f"  {line}\n" for line in step.splitlines()), nl=False)
