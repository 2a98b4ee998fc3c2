"""All commands with a workspace take it in the same way."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from segment_insider_emulator.cli import LazyGroup, main
from segment_insider_emulator.workspace.loading import PRESET_NAMES

# LazyGroup that run events, cases or scenarios through a workspace.
WITH_OPTIONS = {
    "serve", "demo", "map", "verify", "replay", "coverage",
    "contract run", "contract check", "contract record", "contract events", "contract schema",
}  # fmt: skip
# LazyGroup about a workspace itself: it is their FILE.
WITH_FILE = {"lint", "drift", "export"}
WITHOUT = {
    "steps", "assets", "import", "init", "schema", "send", "health", "tail", "certificate",
    "mcp", "plan infer",
}  # fmt: skip
# Further arguments of each command, so that it reads the options.
REQUIRED_ARGUMENTS = {
    "coverage": ["--traffic", "x"],
    "verify": ["features"], "replay": ["x"], "contract run": ["x"], "contract check": ["x"],
    "contract record": ["--from", "x", "y"], "contract events": ["events.ndjson"],
}  # fmt: skip


def iter_commands(group: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, LazyGroup):
        yield name, group
        return
    context = click.Context(group)
    for subcommand in group.list_commands(context):
        command = group.get_command(context, subcommand)
        assert command
        yield from iter_commands(command, f"{name} {subcommand}".strip())


COMMANDS = dict(iter_commands(main))


def list_options(command: click.Command) -> set[str]:
    return {name for param in command.params for name in param.opts}


def test_every_command_is_in_this_table() -> None:
    assert COMMANDS.keys() == WITH_OPTIONS | WITH_FILE | WITHOUT


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_takes_both_options_or_a_file_and_a_preset(name: str) -> None:
    taken = list_options(COMMANDS[name]) & {"--workspace", "--preset"}
    expected = {"--workspace", "--preset"} if name in WITH_OPTIONS else set()
    assert taken == (expected or ({"--preset"} if name in WITH_FILE else set()))
    if name in WITH_FILE:
        assert "file" in list_options(COMMANDS[name])
    if taken:
        (preset,) = (param for param in COMMANDS[name].params if param.name in ("preset", "name"))
        assert isinstance(preset.type, click.Choice)
        assert tuple(preset.type.choices) == PRESET_NAMES


@pytest.mark.parametrize("name", sorted(WITH_OPTIONS))
def test_workspace_and_preset_together_are_rejected(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.ndjson").write_text('{"type": "page", "userId": "ada"}')
    arguments = [*name.split(), "--workspace", "shop.yaml", "--preset", "guide"]
    result = CliRunner().invoke(main, [*arguments, *REQUIRED_ARGUMENTS.get(name, [])])
    assert result.exit_code == 2
    assert "Give --workspace or --preset, not both." in result.output


def test_a_preset_wins_over_a_file_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guide").write_text("no workspace")
    for arguments in (["contract", "schema", "--preset", "guide"], ["contract", "schema"]):
        assert CliRunner().invoke(main, arguments).exit_code == 0
