"""Settings come from defaults, a file, environment and flags, in that order."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config, load_config
from segment_insider_emulator.errors import EmulatorError


@pytest.mark.parametrize(
    ("environ", "flags", "expected"),
    [
        pytest.param({}, {"port": None}, Config(), id="nothing given is the defaults"),
        pytest.param({"EMULATOR_PORT": "9000"}, {}, Config(port=9000), id="environment"),
        pytest.param({"EMULATOR_PORT": "9000"}, {"port": "0"}, Config(port=0), id="flag wins"),
        pytest.param({"EMULATOR_STRICT": "false"}, {}, Config(strict=False), id="false is off"),
        pytest.param({"EMULATOR_STRICT": "True"}, {}, Config(strict=True), id="true is on"),
        pytest.param({"PATH": "/bin"}, {}, Config(), id="other programs' variables are not ours"),
        pytest.param(
            {"EMULATOR_INSIDER_URL": "http://[::1]:99/"},
            {},
            Config(insider_url="http://[::1]:99"),
            id="base url without its last slash",
        ),
        pytest.param({}, {"keep_bytes": "2GB"}, Config(keep_bytes=2_000_000_000), id="a size"),
    ],
)
def test_settings(
    environ: Mapping[str, str], flags: Mapping[str, str | None], expected: Config
) -> None:
    assert load_config(environ, flags) == expected


@pytest.mark.parametrize(
    ("environ", "flags", "message"),
    [
        pytest.param(
            {"EMULATOR_PROT": "1"},
            {},
            "EMULATOR_PROT: this setting does not exist. Known: EMULATOR_HOST, EMULATOR_PORT, "
            "EMULATOR_DB, EMULATOR_INSIDER_URL, EMULATOR_INSIDER_KEY, EMULATOR_INSIDER_ACCOUNT, "
            "EMULATOR_ASYNCHRONOUS, EMULATOR_SEED, EMULATOR_STRICT, EMULATOR_WORKSPACE, "
            "EMULATOR_KEEP_DAYS, EMULATOR_KEEP_MESSAGES, EMULATOR_KEEP_BYTES, "
            "EMULATOR_KEEP_SANDBOXES, EMULATOR_VERBOSE, EMULATOR_PASSWORD, "
            "EMULATOR_TEAMS, EMULATOR_TOKEN, EMULATOR_CALLBACK_HOSTS, EMULATOR_CACHE, "
            "EMULATOR_TRUSTED_PROXY, EMULATOR_URL_PREFIX, EMULATOR_PUBLIC_URL, "
            "EMULATOR_ALLOWED_HOSTS, EMULATOR_TLS, EMULATOR_TLS_PORT, EMULATOR_TLS_CERT, "
            "EMULATOR_TLS_KEY, EMULATOR_STEPS, EMULATOR_OVERLAY, EMULATOR_MASK, "
            "EMULATOR_MASK_KEY, EMULATOR_METRICS, EMULATOR_MCP_CHANGES.",
            id="unknown name",
        ),
        pytest.param(
            {"EMULATOR_STRICT": "maybe"},
            {},
            "EMULATOR_STRICT: 'maybe' cannot be used. Give one of true, yes, 1, false, no, 0.",
            id="not a boolean",
        ),
        pytest.param(
            {},
            {"port": "65536"},
            "--port: '65536' cannot be used. Give a port number from 0 (any free one) to 65535.",
            id="port out of range",
        ),
        pytest.param(
            {},
            {"insider_url": "insider.example"},
            "--insider-url: 'insider.example' cannot be used. "
            "Give an http or https address without a user, such as https://insider.example.",
            id="address without a scheme",
        ),
        pytest.param(
            {"EMULATOR_INSIDER_URL": "https://ada:secret@insider.example"},
            {},
            "EMULATOR_INSIDER_URL: 'https://…@insider.example' cannot be used. "
            "Give an http or https address without a user, such as https://insider.example.",
            id="address with a password",
        ),
        pytest.param(
            {},
            {"insider_url": "https://insider.example?key=secret"},
            "--insider-url: 'https://insider.example?…' cannot be used. "
            "Give an http or https address without a user, such as https://insider.example.",
            id="address with a key",
        ),
        pytest.param(
            {},
            {"insider_url": "https://insider.example/#secret"},
            "--insider-url: 'https://insider.example/?…' cannot be used. "
            "Give an http or https address without a user, such as https://insider.example.",
            id="address with a fragment",
        ),
        pytest.param(
            {},
            {"keep_days": "0"},
            "--keep-days: '0' cannot be used. Give a number of days from 1 to 36500.",
            id="nothing would be stored",
        ),
        pytest.param(
            {},
            {"keep_bytes": "2 TB"},
            "--keep-bytes: '2 TB' cannot be used. Give a size, such as 500MB or 2GB.",
            id="not a size",
        ),
        pytest.param(
            {"EMULATOR_DB": ""},
            {},
            "EMULATOR_DB: '' cannot be used. Give a file, postgresql://… or :memory:.",
            id="empty",
        ),
    ],
)
def test_a_wrong_setting_is_named(
    environ: Mapping[str, str], flags: Mapping[str, str | None], message: str
) -> None:
    with pytest.raises(EmulatorError) as refused:
        load_config(environ, flags)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "hosts", ["http://a.example", "localhost:9000", "a.example/path", "a b", ""]
)
def test_an_impossible_callback_host_is_rejected(hosts: str) -> None:
    with pytest.raises(EmulatorError, match="without http:// and port"):
        load_config({}, {"callback_hosts": hosts})


def test_callback_hosts_can_be_names_addresses_and_networks() -> None:
    hosts = "Hooks.Example, my_service,127.0.0.1,172.18.0.0/16,::1"
    networks = load_config({}, {"callback_hosts": hosts}).callback_hosts
    assert networks == ("hooks.example", "my_service", "127.0.0.1", "172.18.0.0/16", "::1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "content"),
    [
        pytest.param(
            "emulator.yaml",
            "port: 9000\nstrict: true\nkeep-bytes: 2GB\nallowed_hosts: [shop, 10.0.2.2]\n",
            id="YAML",
        ),
        pytest.param(
            "pyproject.toml",
            "[tool.segment-insider-emulator]\nport = 9000\nstrict = true\n"
            'keep-bytes = "2GB"\nallowed_hosts = ["shop", "10.0.2.2"]\n',
            id="TOML",
        ),
    ],
)
def test_settings_are_read_from_a_file(file: str, content: str, folder: Path) -> None:
    (folder / file).write_text(content)
    config = load_config({}, {})
    assert (config.port, config.strict, config.keep_bytes) == (9000, True, 2_000_000_000)
    assert config.allowed_hosts == ("shop", "10.0.2.2")


def test_flags_come_before_variables_and_variables_before_the_file(folder: Path) -> None:
    (folder / "emulator.yaml").write_text("port: 9000\nseed: file\nhost: localhost\n")
    environ = {"EMULATOR_PORT": "9001", "EMULATOR_SEED": "variable"}
    config = load_config(environ, {"port": "9002"})
    assert (config.port, config.seed, config.host) == (9002, "variable", "localhost")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            "prot: 1", "emulator.yaml: prot: this setting does not exist. Known: ", id="name"
        ),
        pytest.param("port: high", "emulator.yaml: port: 'high' cannot be used", id="value"),
        pytest.param(
            "password: x",
            "emulator.yaml: password: a file that is shared must not contain a secret. "
            "Set EMULATOR_PASSWORD instead.",
            id="secret",
        ),
        pytest.param(
            'db: "a\\0b"', "emulator.yaml: db: the value has a NUL character. Remove it.", id="NUL"
        ),
        pytest.param("{", "emulator.yaml: the settings are not YAML", id="no YAML"),
        pytest.param("- port", "emulator.yaml: the settings have no names", id="a list"),
    ],
)
def test_a_wrong_settings_file_is_named(content: str, message: str, folder: Path) -> None:
    (folder / "emulator.yaml").write_text(content)
    with pytest.raises(EmulatorError) as refused:
        load_config({}, {})
    assert str(refused.value).startswith(message)


def test_a_project_without_our_table_changes_nothing(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    assert load_config({}, {}) == Config()


@pytest.mark.parametrize("place", ["file", "variable"])
def test_every_command_finds_the_workspace_of_the_settings(
    place: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "file":
        (folder / "emulator.yaml").write_text("workspace: missing.yaml")
    else:
        monkeypatch.setenv("EMULATOR_WORKSPACE", "missing.yaml")
    (folder / "shop.feature").write_text(
        "Feature: A\n  Scenario: B\n    When Ada signs in\n    Then Insider One knows 1 person\n"
    )
    (folder / "events.ndjson").write_text("{}")
    for command in (
        ["serve", "--port", "0", "--db", ":memory:"],
        ["map", "events.ndjson"],
        ["verify", "shop.feature"],
        ["replay", "events.ndjson"],
        ["contract", "schema"],
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 2, command
        assert "missing.yaml" in result.stderr, command
