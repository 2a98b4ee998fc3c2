"""The examples that start an emulator next to other programs: in a shell, in containers.

No container runs here. A double of Testcontainers checks what it gets, and names an emulator of
this machine.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.running_emulator import RunningEmulator, serve_emulator

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
CONTAINERFILE = (EXAMPLES / "Containerfile").read_text("utf-8")
CONTAINER_TESTS = ("test_shop.py", "shop.test.mjs", "ShopTest.java")
PYTHON_DOUBLE = """
import os

class DockerContainer:
    def __init__(self, image):
        assert image == "segment-emulator"
    def with_exposed_ports(self, port):
        assert port == 8282
        return self
    def waiting_for(self, strategy):
        assert strategy.asked == (8282, "/emulator/v1/health", 200)
        return self
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def get_container_host_ip(self):
        return os.environ["DOUBLE"].split(":")[0]
    def get_exposed_port(self, port):
        return int(os.environ["DOUBLE"].split(":")[1])

class HttpWaitStrategy:
    def __init__(self, port, path):
        self.asked = port, path
    def for_status_code(self, code):
        self.asked += (code,)
        return self
"""
NODE_DOUBLE = """
import assert from 'node:assert/strict'

export class GenericContainer {
  constructor(image) { assert.equal(image, 'segment-emulator') }
  withExposedPorts(port) { assert.equal(port, 8282); return this }
  withWaitStrategy(asked) {
    assert.deepEqual(asked, ['/emulator/v1/health', 8282, 200])
    return this
  }
  async start() { return this }
  async stop() {}
  getHost() { return process.env.DOUBLE.split(':')[0] }
  getMappedPort() { return Number(process.env.DOUBLE.split(':')[1]) }
}
export const Wait = {
  forHttp: (path, port) => ({forStatusCode: (code) => [path, port, code]}),
}
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with serve_emulator(load_preset_workspace("guide")) as running:
        yield running


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which `emulator` is the command of this checkout."""
    program = tmp_path / "bin" / "emulator"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m segment_insider_emulator "$@"\n')
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}


def run(command: list[str], environment: dict[str, str], cwd: Path) -> str:
    result = subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.extended
def test_a_command_finds_the_emulator_in_the_background(
    environment: dict[str, str], tmp_path: Path
) -> None:
    script = str(EXAMPLES / "background.sh")
    check = 'emulator send "Wish Listed" --url "$SEGMENT_HOST" --json'
    sent = json.loads(run([script, "sh", "-c", check], environment, tmp_path))
    assert sent["event"] == "Wish Listed"


def test_an_emulator_that_cannot_start_ends_the_command(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "emulator.yaml").write_text("workspace: missing.yaml\n")
    result = subprocess.run(
        [str(EXAMPLES / "background.sh"), "true"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert "missing.yaml" in result.stderr


@pytest.mark.parametrize("name", CONTAINER_TESTS)
def test_tests_with_containers_use_the_image_port_and_health_check_of_the_containerfile(
    name: str,
) -> None:
    text = (EXAMPLES / "testcontainers" / name).read_text("utf-8")
    (build,) = re.findall(r"docker build \S+ \S+ -f \S+ \.", text)
    assert build in CONTAINERFILE
    assert build.split()[3] in re.findall(r"[\"']([\w-]+)[\"']", text)
    assert re.findall(r"\bPORT = (\d+)", text) == re.findall(r"EXPOSE (\d+)", CONTAINERFILE)
    (path,) = set(re.findall(r"/emulator/v1/health", text))
    assert path in CONTAINERFILE


@pytest.mark.extended
def test_the_test_in_python_passes(emulator: RunningEmulator, tmp_path: Path) -> None:
    core = tmp_path / "testcontainers" / "core"
    core.mkdir(parents=True)
    for name in ("container", "wait_strategies"):
        (core / f"{name}.py").write_text(PYTHON_DOUBLE)
    shutil.copy(EXAMPLES / "testcontainers" / "test_shop.py", tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "DOUBLE": emulator.url[7:]}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"]
    assert "1 passed" in run(command, environment, tmp_path)


def test_the_test_in_node_passes(emulator: RunningEmulator, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    package = tmp_path / "node_modules" / "testcontainers"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
    (package / "index.js").write_text(NODE_DOUBLE)
    shutil.copy(EXAMPLES / "testcontainers" / "shop.test.mjs", tmp_path)
    run(["node", "--test", "shop.test.mjs"], {**os.environ, "DOUBLE": emulator.url[7:]}, tmp_path)


def test_the_devcontainer_starts_the_emulator_at_its_port(
    environment: dict[str, str], tmp_path: Path
) -> None:
    settings = json.loads((EXAMPLES / "devcontainer.json").read_text("utf-8"))
    port = Config().port
    assert settings["forwardPorts"] == [port]
    assert [*settings["portsAttributes"]] == [str(port)]
    assert settings["containerEnv"]["SEGMENT_HOST"] == f"http://127.0.0.1:{port}"
    pipeline = (EXAMPLES / "github-actions.yml").read_text("utf-8")
    assert settings["postCreateCommand"] in pipeline
    # In place of the server, which would take the port and stay.
    start, wait = settings["postStartCommand"].split(" && ")
    (served,) = re.findall(r"'(emulator serve .*) > /tmp/emulator.txt 2>&1 &'", start)
    for command in (served, wait):
        run(["sh", "-c", f"{command} --help"], environment, tmp_path)
