"""Files of contract cases, read one after another and written at once."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import click

from segment_insider_emulator.cli.terminal import print_lines
from segment_insider_emulator.cli.workspace_options import load_workspace, selected_workspace_name
from segment_insider_emulator.contract.cases import ContractCase, read_cases
from segment_insider_emulator.contract.deployment import DeployedWorkspace
from segment_insider_emulator.errors import EmulatorError

CASE_FILES_ARGUMENT = click.argument(
    "files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path)
)


class CaseReader:
    """The usable cases of some files and folders; the others are told on stderr."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self.unusable_count = 0
        self._usable_count = 0

    def __iter__(self) -> Iterator[ContractCase]:
        for file in find_case_files(self._files):
            for case in read_cases(file):
                if isinstance(case, ContractCase):
                    self._usable_count += 1
                    yield case
                else:
                    self.unusable_count += 1
                    print_lines([f"emulator: {case}"], err=True)

    def require_cases(self) -> None:
        """Refuse files and folders in which no case was found.

        Raises: EmulatorError.
        """
        if not (self._usable_count or self.unusable_count):
            raise no_cases_error(self._files)


def no_cases_error(files: Sequence[Path]) -> EmulatorError:
    """Return the error of files and folders without a contract case."""
    remedy = "Name an .ndjson or .json file of cases, or a folder of such files."
    return EmulatorError("no contract cases found", ", ".join(map(str, files)), remedy)


def load_deployment(workspace: str | None, preset: str | None) -> DeployedWorkspace | None:
    """Return the workspace that the options name, to run cases through; None where they name none.

    Raises: UsageError; EmulatorError.
    """
    name = selected_workspace_name(workspace, preset)
    return DeployedWorkspace(load_workspace(workspace, preset), name) if name else None


def find_case_files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the files themselves, and those in folders and below, in the order of their names."""
    for path in paths:
        if path.is_dir():
            below = (each.relative_to(path) for each in path.rglob("*"))
            names = sorted(each for each in below if each.suffix in (".json", ".ndjson"))
            yield from (path / each for each in names if not _is_hidden(each))
        else:
            yield path


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def read_usable_cases(file: Path) -> list[ContractCase]:
    """All cases of *file*. Raises: EmulatorError, when one cannot be used."""
    cases = []
    for case in read_cases(file):
        if isinstance(case, EmulatorError):
            raise case
        cases.append(case)
    return cases


def write_file_atomically(file: Path, content: bytes) -> None:
    """Put *content* in the place of *file* at once: a full disk must not cost anybody's cases.

    Raises: EmulatorError, when it cannot be written.
    """
    draft = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        what = f"cannot be written ({error.strerror})"
        remedy = "Name a file in a folder you may write to."
        raise EmulatorError(what, str(file), remedy) from None
