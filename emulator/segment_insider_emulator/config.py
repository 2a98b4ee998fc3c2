"""Configuration of the emulator: defaults, a settings file, environment variables, flags."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from segment_insider_emulator.errors import EmulatorError

ENVIRONMENT_PREFIX = "EMULATOR_"
SETTINGS_FILE, PROJECT_FILE = "emulator.yaml", "pyproject.toml"
PROJECT_TABLE = "segment-insider-emulator"
SECRET_SETTINGS = ("password", "token", "insider_key", "mask_key")
MAX_DAYS = 36_500
SIZE_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}
BOOLEAN_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# The hosts that apps send to in production, from Segment's and Insider One's documentation.
SEGMENT_HOSTS = (
    "api.segment.io",
    "events.eu1.segmentapis.com",
    "cdn.segment.com",
    "oauth2.segment.io",
    "oauth2.eu1.segmentapis.com",
)
# The first three are imitated, see insider/other_addresses.py; the others get a clear answer.
INSIDER_ONE_HOSTS = (
    "unification.useinsider.com",
    "contact.useinsider.com",
    "mobile.useinsider.com",
    "analytics.api.useinsider.com",
    "architect-analytics.api.useinsider.com",
    "architect.useinsider.com",
    "catalog.api.useinsider.com",
    "eurekaevent.api.useinsider.com",
    "gw.useinsider.com",
    "ineureka.api.useinsider.com",
    "live-activity.api.useinsider.com",
    "mail.useinsider.com",
    "mobile.api.useinsider.com",
    "recommendation.api.useinsider.com",
    "sms.useinsider.com",
    "verify.useinsider.com",
    "web-push.api.useinsider.com",
    "whatsapp.useinsider.com",
)
_HOST_NAME_PATTERN = re.compile(r"[\w.-]+")
MAX_URL_PREFIX_LENGTH = 200
_URL_PREFIX_PATTERN = re.compile(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of an emulator, read once at start.

    Args:
        db: A path to an SQLite file, the address of a PostgreSQL database, or ":memory:".
        insider_url: Where requests go instead of the emulated account, e.g. a staging account.
        insider_key, insider_account: Credentials for `insider_url`, if they differ from the
            workspace's. Environment only: other programs can read command lines.
        asynchronous: Answer before events are delivered.
        seed: For all random choices.
        strict: Reject what the real services drop silently, such as unknown write keys. Always on
            with `teams`.
        workspace: Path of a workspace file; None is the preset `guide`.
        keep_days, keep_messages, keep_bytes: Limits for stored messages and deliveries, by age,
            count and size of the database. None keeps everything: otherwise a test could miss a
            message that did arrive.
        keep_sandboxes: Hours after which an unused sandbox is deleted; None is never.
        verbose: Log every message and delivery, not only problems.
        password: For pages and the control API; None needs no password. Environment only.
        teams: Path of a teams file, with tokens for their sandboxes.
        token: What our tools send to another emulator: a team's token, or the password.
            Environment only.
        callback_hosts: Hosts and networks that error callbacks of every sandbox may use; this
            machine only if it is listed.
        cache: Folder for downloads such as analytics.js.
        trusted_proxy: Address of the proxy whose X-Forwarded headers name the client, and the
            scheme, host and path that it uses; None ignores these headers.
        url_prefix: Path at which a proxy serves the emulator, e.g. "/tools/emu"; "" is the root.
        public_url: Where people reach the emulator, e.g. "https://qa.example/emu"; all addresses
            that it gives of itself start with it. None takes those of each request.
        allowed_hosts: Names besides those of this machine that a Host header may have.
        tls: Listen for https on `tls_port`, too.
        tls_cert, tls_key: Paths of a certificate and its key, in PEM; None makes them.
        steps: Folder with a conftest.py whose steps features may use that a page runs; None allows
            only the steps of the library.
        mask: Show pseudonyms of people in pages, the control API, reports and logs.
        mask_key: Secret of the pseudonyms; None keeps a random one with the database. Environment
            only.
        metrics: Answer /metrics for Prometheus.
        mcp_changes: Agents at /mcp may change mappings and the clock.
        overlay: Show the verdict of each call in the pages that load analytics.js from here.
    """

    host: str = "127.0.0.1"
    port: int = 8282
    db: str = "emulator.db"
    insider_url: str | None = None
    insider_key: str | None = field(default=None, repr=False)
    insider_account: str | None = None
    asynchronous: bool = False
    seed: str = ""
    strict: bool = False
    workspace: str | None = None
    keep_days: int | None = None
    keep_messages: int | None = None
    keep_bytes: int | None = None
    keep_sandboxes: int | None = None
    verbose: bool = False
    password: str | None = field(default=None, repr=False)
    teams: str | None = None
    token: str | None = field(default=None, repr=False)
    callback_hosts: tuple[str, ...] = ()
    cache: str = "~/.cache/segment-insider-emulator"
    trusted_proxy: str | None = None
    url_prefix: str = ""
    public_url: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    tls: bool = False
    tls_port: int = 8443
    tls_cert: str | None = None
    tls_key: str | None = None
    steps: str | None = None
    overlay: bool = False
    mcp_changes: bool = False
    metrics: bool = False
    mask: bool = False
    mask_key: str | None = field(default=None, repr=False)


def load_config(environ: Mapping[str, str], flags: Mapping[str, str | None]) -> Config:
    """Load the emulator's settings from a file, environment variables and command line flags.

    The file is ./emulator.yaml or, without it, ./pyproject.toml with the table
    [tool.segment-insider-emulator].

    Args:
        environ: Environment variables; those that start with EMULATOR_ are settings.
        flags: Setting name -> text, None if the flag was not text.
    Raises: EmulatorError, for an unknown setting or an invalid value.
    """
    settings: dict[str, Any] = {}
    if home := environ.get("XDG_CACHE_HOME"):
        settings["cache"] = f"{home}/segment-insider-emulator"
    settings |= _load_settings_file()
    for variable, text in environ.items():
        if variable.startswith(ENVIRONMENT_PREFIX):
            settings[_get_setting_name_of_variable(variable)] = _parse_setting(
                _get_setting_name_of_variable(variable), text, variable
            )
    for name, value in flags.items():
        if value is not None:
            settings[name] = _parse_setting(name, value, "--" + name.replace("_", "-"))
    return Config(**settings)


def _load_settings_file() -> dict[str, Any]:
    path, document = _read_settings_document()
    settings = {}
    for key, value in document.items():
        name, where = str(key).replace("-", "_"), f"{path}: {key}"
        if name in SECRET_SETTINGS:
            what = "a file that is shared must not contain a secret"
            raise EmulatorError(what, where, f"Set {ENVIRONMENT_PREFIX}{name.upper()} instead.")
        if name not in SETTING_PARSERS:
            known = ", ".join(
                setting for setting in SETTING_PARSERS if setting not in SECRET_SETTINGS
            )
            raise EmulatorError("this setting does not exist", where, f"Known: {known}.")
        items = value if isinstance(value, list) else [value]
        texts = [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
        if any("\0" in text for text in texts):  # a variable or an option cannot have one
            raise EmulatorError("the value has a NUL character", where, "Remove it.")
        settings[name] = _parse_setting(name, ",".join(texts), where)
    return settings


def _read_settings_document() -> tuple[str, dict[str, Any]]:
    """Return the name and the content of the settings file; {} without one."""
    for name, read in ((SETTINGS_FILE, _read_yaml_settings), (PROJECT_FILE, _read_toml_settings)):
        try:
            raw = Path(name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            what = f"the settings cannot be read ({error.strerror})"
            raise EmulatorError(what, name, "Make it a file that you can read.") from error
        document = read(raw)
        if document is not None:
            return name, document
    return "", {}


def _read_yaml_settings(raw: bytes) -> dict[str, Any]:
    # Imported here because most folders have no such file.
    import yaml

    try:
        document = yaml.safe_load(raw)
    except (yaml.YAMLError, RecursionError) as error:
        what = "the settings are not YAML"
        raise EmulatorError(what, SETTINGS_FILE, "Write lines such as `port: 8282`.") from error
    if document is not None and not isinstance(document, dict):
        what = "the settings have no names"
        raise EmulatorError(what, SETTINGS_FILE, "Write lines such as `port: 8282`.")
    return document or {}


def _read_toml_settings(raw: bytes) -> dict[str, Any] | None:
    """Return the emulator's table of a pyproject.toml; None without one."""
    if f"tool.{PROJECT_TABLE}".encode() not in raw:
        return None
    # Imported here because most folders have no such table.
    import tomllib

    try:
        document = tomllib.loads(raw.decode())
    except ValueError as error:
        what = f"this is not TOML ({error})"
        raise EmulatorError(what, PROJECT_FILE, "Correct the file.") from error
    table = document.get("tool", {}).get(PROJECT_TABLE)
    return table if isinstance(table, dict) else None


def _get_setting_name_of_variable(variable: str) -> str:
    name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
    if name not in SETTING_PARSERS:
        known = ", ".join(ENVIRONMENT_PREFIX + setting.upper() for setting in SETTING_PARSERS)
        raise EmulatorError("this setting does not exist", variable, f"Known: {known}.")
    return name


def _parse_setting(name: str, text: str, where: str) -> Any:
    parse, expected = SETTING_PARSERS[name]
    try:
        return parse(text)
    except (KeyError, ValueError) as error:
        # The address may contain a password or a key: do not repeat it.
        redacted = re.sub(r"[?#].*", "?…", re.sub("//.*@", "//…@", text), flags=re.DOTALL)
        raise EmulatorError(f"{redacted!r} cannot be used", where, f"Give {expected}.") from error


def _parse_port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _parse_count(text: str) -> int:
    count = int(text) if len(text) < 20 else 0
    if count < 1:
        raise ValueError(text)
    return count


def _parse_days(text: str) -> int:
    return _parse_count_up_to(MAX_DAYS, text)


def _parse_hours(text: str) -> int:
    return _parse_count_up_to(MAX_DAYS * 24, text)


def _parse_count_up_to(maximum: int, text: str) -> int:
    count = _parse_count(text)
    if count > maximum:
        raise ValueError(text)
    return count


def _parse_byte_size(text: str) -> int:
    match = re.fullmatch(r"(\d+) ?([kMG]?)B?", text)
    if not match:
        raise ValueError(text)
    return _parse_count(match[1]) * SIZE_UNITS[match[2]]


def _parse_base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(text)
    if "@" in parts.netloc:
        raise ValueError(text)
    return text.rstrip("/")


def parse_url_prefix(text: str) -> str:
    """Return the path prefix *text* without a slash at the end; "" is the root.

    Raises: ValueError, also for what a browser would not read as a path, such as "//host".
    """
    if len(text) > MAX_URL_PREFIX_LENGTH or not _URL_PREFIX_PATTERN.fullmatch(text):
        raise ValueError(text)
    return text.removesuffix("/")


def _parse_public_url(text: str) -> str:
    url = _parse_base_url(text)
    parse_url_prefix(urlsplit(url).path)
    return url


def _parse_steps_folder(text: str) -> str:
    if not Path(text, "conftest.py").is_file():
        raise ValueError(text)
    return text


def _parse_hosts(text: str) -> tuple[str, ...]:
    return tuple(_parse_host(host.strip().lower()) for host in text.split(","))


def _parse_host(text: str) -> str:
    """Parse the setting of a host name, address or network, without scheme and port."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        if not _HOST_NAME_PATTERN.fullmatch(text):
            raise
    return text


def _parse_host_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(","))
    if not all(map(_HOST_NAME_PATTERN.fullmatch, names)):
        raise ValueError(text)
    return names


def _parse_nonempty_text(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


SETTING_PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "host": (_parse_nonempty_text, "an address of this machine, such as 127.0.0.1"),
    "port": (_parse_port, "a port number from 0 (any free one) to 65535"),
    "db": (_parse_nonempty_text, "a file, postgresql://… or :memory:"),
    "insider_url": (
        _parse_base_url,
        "an http or https address without a user, such as https://insider.example",
    ),
    "insider_key": (_parse_nonempty_text, "the key of the account, as the InOne panel shows it"),
    "insider_account": (
        _parse_nonempty_text,
        "the name of the account, as the InOne panel shows it",
    ),
    "asynchronous": (
        lambda text: BOOLEAN_WORDS[text.lower()],
        "one of " + ", ".join(BOOLEAN_WORDS),
    ),
    "seed": (str, "a text"),
    "strict": (lambda text: BOOLEAN_WORDS[text.lower()], "one of " + ", ".join(BOOLEAN_WORDS)),
    "workspace": (_parse_nonempty_text, "the path of a workspace file, or a preset"),
    "keep_days": (_parse_days, f"a number of days from 1 to {MAX_DAYS}"),
    "keep_messages": (_parse_count, "a number of messages"),
    "keep_bytes": (_parse_byte_size, "a size, such as 500MB or 2GB"),
    "keep_sandboxes": (_parse_hours, f"a number of hours from 1 to {MAX_DAYS * 24}"),
    "verbose": (lambda text: BOOLEAN_WORDS[text.lower()], "one of " + ", ".join(BOOLEAN_WORDS)),
    "password": (_parse_nonempty_text, "a text"),
    "teams": (_parse_nonempty_text, "the path of a file of teams"),
    "token": (_parse_nonempty_text, "a text"),
    "callback_hosts": (
        _parse_hosts,
        "names, IP addresses or networks, without http:// and port, with commas between them",
    ),
    "cache": (_parse_nonempty_text, "a folder that can be written"),
    "trusted_proxy": (lambda text: str(ip_address(text)), "the IP address of one proxy"),
    "url_prefix": (
        parse_url_prefix,
        "a path of letters, digits and . _ ~ -, such as /tools/emu",
    ),
    "public_url": (_parse_public_url, "the address that people use, such as https://qa.example"),
    "allowed_hosts": (
        _parse_host_names,
        "host names without port, with commas between them, such as emulator,10.0.2.2",
    ),
    "tls": (lambda text: BOOLEAN_WORDS[text.lower()], "one of " + ", ".join(BOOLEAN_WORDS)),
    "tls_port": (_parse_port, "a port number from 0 (any free one) to 65535"),
    "tls_cert": (_parse_nonempty_text, "the path of a certificate in PEM"),
    "tls_key": (_parse_nonempty_text, "the path of the certificate's key in PEM"),
    "steps": (_parse_steps_folder, "a folder with a conftest.py"),
    "overlay": (
        lambda text: BOOLEAN_WORDS[text.lower()],
        "one of " + ", ".join(BOOLEAN_WORDS),
    ),
    "mask": (lambda text: BOOLEAN_WORDS[text.lower()], "one of " + ", ".join(BOOLEAN_WORDS)),
    "mask_key": (_parse_nonempty_text, "a text"),
    "metrics": (lambda text: BOOLEAN_WORDS[text.lower()], "one of " + ", ".join(BOOLEAN_WORDS)),
    "mcp_changes": (
        lambda text: BOOLEAN_WORDS[text.lower()],
        "one of " + ", ".join(BOOLEAN_WORDS),
    ),
}
