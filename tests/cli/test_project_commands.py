"""`emulator init` and `emulator schema`: a project that works at once, in an editor too."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from forked_commands import run_python_module
from jsonschema import Draft202012Validator

from segment_insider_emulator.cli import main

FILES = ["shop.yaml", "shop.schema.json", "features/purchase.feature"]
FILES += [".github/workflows/integration.yml"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my shop"
    result = CliRunner().invoke(main, ["init", str(folder), "--json"])
    assert json.loads(result.stdout) == {"folder": str(folder), "created": FILES, "kept": []}
    return folder


def test_a_new_project_passes_its_own_pipeline(project: Path) -> None:
    pipeline = yaml.safe_load((project / FILES[-1]).read_text())
    steps = [step["run"] for step in pipeline["jobs"]["integration"]["steps"] if "run" in step]
    commands = [step.split()[1:] for step in steps if step.startswith("emulator ")]
    assert [command[0] for command in commands] == ["lint", "verify"]
    for command in commands:
        ran = run_python_module("segment_insider_emulator", *command, cwd=project)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 scenario: 1 passed" in ran.stdout


def test_files_of_a_project_are_not_overwritten(project: Path) -> None:
    (project / "shop.yaml").write_text("mine")
    (project / FILES[2]).unlink()
    result = CliRunner().invoke(main, ["init", str(project), "--json"])
    assert json.loads(result.stdout)["created"] == [FILES[2]]
    assert (project / "shop.yaml").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in ("file", "file/below"):
        result = CliRunner().invoke(main, ["init", str(tmp_path / folder)])
        assert (result.exit_code, result.stdout) == (2, "")
        assert len(result.stderr.splitlines()) == 1


def test_the_schema_is_that_of_the_workspace_file(project: Path) -> None:
    printed = CliRunner().invoke(main, ["schema"]).stdout
    assert printed == (project / "shop.schema.json").read_text()
    schema = json.loads(printed)
    Draft202012Validator.check_schema(schema)
    workspace = yaml.safe_load((project / "shop.yaml").read_text())
    validator = Draft202012Validator(schema)
    assert validator.is_valid(workspace)
    assert not validator.is_valid({**workspace, "sorce": {}})


def test_a_workspace_file_may_name_its_schema(project: Path) -> None:
    workspace = yaml.safe_load((project / "shop.yaml").read_text())
    file = project / "shop.json"
    file.write_text(json.dumps({"$schema": "shop.schema.json", **workspace}))
    result = CliRunner().invoke(main, ["lint", str(file)])
    assert result.exit_code == 0, result.output
