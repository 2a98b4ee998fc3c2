"""The examples of the documentation work."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from forked_commands import run_python_module
from packaging.requirements import Requirement

from segment_insider_emulator.config import Config

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
EMULATOR = [sys.executable, "-m", "segment_insider_emulator"]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
PYTHON_EXAMPLES = re.findall(
    r"^```python\n(.*?)^```$", (DOCS / "in-process.md").read_text(), re.M | re.S
)


def read_example(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text("utf-8"))


def list_pipeline_commands() -> list[str]:
    """Return every command of the CI pipelines."""
    steps = read_example("github-actions.yml")["jobs"]["integration"]["steps"]
    github = [step["run"] for step in steps if "run" in step]
    return [*github, *read_example("gitlab-ci.yml")["integration"]["script"]]


def list_emulator_commands() -> list[str]:
    return sorted({line for line in list_pipeline_commands() if line.startswith("emulator ")})


def run_command(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project with the files that the examples expect."""
    folder = tmp_path_factory.mktemp("project") / "shop"
    shutil.copytree(EXAMPLES, folder)
    return folder


def test_pipelines_install_and_run_only_the_emulator() -> None:
    installed = [
        shlex.split(line)[2] for line in list_pipeline_commands() if line.startswith("pip install ")
    ]
    others = [
        line
        for line in list_pipeline_commands()
        if not line.startswith(("emulator ", "pip install "))
    ]
    assert (others, len(installed)) == ([], 2)
    (repository,) = read_example("pre-commit-config.yaml")["repos"]
    for requirement in map(Requirement, installed):
        assert (requirement.name, requirement.url) == (PROJECT["name"], f"git+{repository['repo']}")
        assert requirement.extras <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_pages_install_only_a_checkout_or_its_repository(page: Path) -> None:
    install_arguments = re.findall(r"^ *pip install (.*)$", page.read_text("utf-8"), re.MULTILINE)
    for what in install_arguments:
        (requirement,) = shlex.split(what)
        name, _, rest = requirement.partition("[")
        extras = set(rest.partition("]")[0].split(",")) - {""}
        assert name == "." or " @ git+https://example.com/" in requirement, what
        assert extras <= set(PROJECT["optional-dependencies"]), what


def test_the_install_page_names_the_extras_for_users() -> None:
    table = re.findall(r"^\| `(\w+)` \|", (DOCS / "install.md").read_text("utf-8"), re.MULTILINE)
    assert {*table, "docs", "test", "dev", "fuzz"} == set(PROJECT["optional-dependencies"])


@pytest.mark.extended
@pytest.mark.parametrize("line", list_emulator_commands())
def test_a_pipeline_command_runs(line: str, project: Path) -> None:
    result = run_python_module(EMULATOR[-1], *shlex.split(line)[1:], cwd=project)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.extended
@pytest.mark.parametrize("hook", yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()))
def test_a_hook_runs_in_a_project(hook: Any, project: Path) -> None:
    assert hook["pass_filenames"] is False
    result = run_python_module(EMULATOR[-1], *hook["entry"].split()[1:], *hook["args"], cwd=project)
    assert result.returncode == 0, result.stdout + result.stderr


def test_documented_hooks_exist() -> None:
    known = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    [repository] = read_example("pre-commit-config.yaml")["repos"]
    assert {hook["id"] for hook in repository["hooks"]} <= known


def read_port(process: subprocess.Popen[str]) -> int:
    """Return the port at which a started emulator is ready."""
    assert process.stderr
    ready = re.search(r"^ready at http://[^ ]*:(\d+)", process.stderr.readline())
    assert ready
    return int(ready[1])


@pytest.fixture
def served() -> Iterator[tuple[dict[str, Any], int]]:
    """The service of the Compose file at a free port, once it is ready."""
    service = read_example("compose.yaml")["services"]["emulator"]
    command = [*EMULATOR, *service["command"][1:], "--port", "0"]
    environment = {**os.environ, **service["environment"]}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        yield service, read_port(process)
        process.terminate()


@pytest.mark.extended
def test_the_compose_service_passes_its_health_check(served: tuple[dict[str, Any], int]) -> None:
    service, port = served
    _, _, *check = service["healthcheck"]["test"]
    result = run_command(
        [sys.executable, *[part.replace("8282", str(port)) for part in check]], ROOT
    )
    assert result.returncode == 0, result.stderr


CONTAINERFILE = (EXAMPLES / "Containerfile").read_text("utf-8").splitlines()


def test_containerfile_and_compose_file_agree() -> None:
    service = read_example("compose.yaml")["services"]["emulator"]
    commands = [json.loads(line.partition("CMD ")[2]) for line in CONTAINERFILE if "CMD [" in line]
    assert commands == [service["healthcheck"]["test"][1:], service["command"]]
    (variables,) = (line.split()[1:] for line in CONTAINERFILE if line.startswith("ENV "))
    assert {"=".join(item) for item in service["environment"].items()} <= set(variables)


def test_the_image_is_built_from_a_checkout() -> None:
    build = read_example("compose.yaml")["services"]["emulator"]["build"]
    context = (EXAMPLES / build["context"]).resolve()
    assert (context, context / build["dockerfile"]) == (ROOT, EXAMPLES / "Containerfile")
    copied = [line.split()[1:-1] for line in CONTAINERFILE if line.startswith("COPY ")]
    # All that is the package's, and what its description names.
    roots = PYPROJECT["tool"]["setuptools"]["packages"]["find"]["where"]
    licences = [name for name in PROJECT["license-files"] if not name.startswith(tuple(roots))]
    named = [PROJECT["readme"], *licences]
    needed = {
        "pyproject.toml",
        ".ci/constraints.txt",
        *named,
        *roots,
    }
    assert {
        source for source in chain(*copied) if not source.startswith(("--from=", "/"))
    } == needed
    (install,) = (line for line in CONTAINERFILE if " install " in line and "pip" in line)
    assert " -c /checkout/constraints.txt " in install
    line = f"docker build -t segment-emulator -f {(EXAMPLES / 'Containerfile').relative_to(ROOT)} ."
    assert CONTAINERFILE[0].endswith(line)
    assert line in (DOCS / "teams.md").read_text("utf-8")


KUBERNETES = {
    manifest["kind"]: manifest
    for manifest in yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text("utf-8"))
}
POD = KUBERNETES["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[int]:
    """Port of the pod's container, with the files of its ConfigMap and a database in memory."""
    (mount,) = (
        volume_mount["mountPath"]
        for volume_mount in CONTAINER["volumeMounts"]
        if volume_mount.get("readOnly")
    )
    for name, text in KUBERNETES["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text, "utf-8")
    args = [arg.replace(mount, str(tmp_path)) for arg in CONTAINER["args"]]
    command = [*EMULATOR, *CONTAINER["command"][1:], *args, "--port=0"]
    secrets = {"EMULATOR_DB": ":memory:", "EMULATOR_PASSWORD": "sesame"}
    assert [variable["name"] for variable in CONTAINER["env"]] == list(secrets)
    environment = {**os.environ, **secrets, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        yield read_port(process)
        process.terminate()


@pytest.mark.extended
def test_the_pod_starts_and_passes_its_probes(pod: int) -> None:
    probes = [CONTAINER[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")]
    paths = [probe["httpGet"]["path"] for probe in probes if "httpGet" in probe]
    statuses = [
        requests.get(f"http://127.0.0.1:{pod}{path}", timeout=60).status_code for path in paths
    ]
    assert statuses == [200, 200]
    names = {probe.get("httpGet", probe.get("tcpSocket"))["port"] for probe in probes}
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert (names, ports) == ({"http"}, {"http": Config().port})


def test_a_pod_stops_after_its_traffic_and_before_the_next_pod_starts() -> None:
    rolling = KUBERNETES["Deployment"]["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 0, "maxUnavailable": 1}
    program, seconds = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert subprocess.run([program, "0"], check=False).returncode == 0
    under_way = 5  # seconds that the server gives to requests
    assert POD["terminationGracePeriodSeconds"] > 2 * (int(seconds) + under_way)


def test_the_kubernetes_objects_refer_to_each_other() -> None:
    labels = KUBERNETES["Deployment"]["spec"]["template"]["metadata"]["labels"]
    chosen = {
        "Deployment": KUBERNETES["Deployment"]["spec"]["selector"]["matchLabels"],
        "Service": KUBERNETES["Service"]["spec"]["selector"],
        "PodDisruptionBudget": KUBERNETES["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": KUBERNETES["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    }
    assert chosen == dict.fromkeys(chosen, labels)
    (port,) = KUBERNETES["Service"]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (Config().port, "http")
    (secret,) = {variable["valueFrom"]["secretKeyRef"]["name"] for variable in CONTAINER["env"]}
    assert f"kubectl create secret generic {secret} " in (DOCS / "teams.md").read_text("utf-8")
    # Else Kubernetes would give every pod variables that are taken for settings.
    assert not KUBERNETES["Service"]["metadata"]["name"].replace("-", "_").startswith("emulator")
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert [volume_mount["name"] for volume_mount in CONTAINER["volumeMounts"]] == list(volumes)
    assert volumes["configuration"]["configMap"] == {
        "name": KUBERNETES["ConfigMap"]["metadata"]["name"]
    }


@pytest.mark.extended
def test_the_python_examples_pass(tmp_path: Path) -> None:
    for number, text in enumerate(PYTHON_EXAMPLES):
        (tmp_path / f"test_{number}.py").write_text(text, "utf-8")
    result = run_command(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."], tmp_path
    )
    assert result.returncode == 0, result.stdout
    assert "3 passed" in result.stdout


@pytest.mark.extended_variants
@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("start-*.md")))
def test_start_pages_name_existing_commands(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    for command in sorted(set(re.findall(r"(?:`|\n *)emulator ((?:contract )?[a-z]+)", text))):
        result = run_python_module(EMULATOR[-1], *command.split(), "--help", cwd=ROOT)
        assert result.returncode == 0, command


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_test_files_named_in_pages_exist(page: Path) -> None:
    named = re.findall(r"\btests/[\w/*.]+\b", page.read_text("utf-8"))
    assert [name for name in named if not list(ROOT.glob(name))] == []
