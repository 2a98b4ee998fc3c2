"""Watching files: `emulator verify --watch` runs the scenarios that a change touches."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

from segment_insider_emulator.errors import EmulatorError

# Files that scenarios depend on; a change of any but a feature file may touch every scenario.
WATCHED_SUFFIXES = (".feature", ".yaml", ".yml", ".json", ".ndjson", ".py", ".toml")


def watch_files(folders: Iterable[Path], ignored: Iterable[Path]) -> Iterator[set[Path]]:
    """Yield the changed files, again and again, until Ctrl-C.

    Args:
        ignored: Files and folders that the runs write themselves.
    Raises: EmulatorError, when watchfiles is not installed.
    """
    try:
        from watchfiles import DefaultFilter, watch
    except ImportError as error:
        remedy = "Run: pip install 'segment-insider-emulator[watch]'."
        raise EmulatorError("watchfiles is not installed", "--watch", remedy) from error

    is_kept = DefaultFilter()
    written = {path.absolute() for path in ignored}
    roots = {folder.absolute() for folder in folders if folder.is_dir()}
    for changes in watch(*roots, watch_filter=is_kept):
        changed = {Path(path) for _, path in changes}
        touched = {
            path
            for path in changed
            if path.suffix in WATCHED_SUFFIXES and written.isdisjoint({path, *path.parents})
        }
        if touched:
            yield touched


def select_features_to_rerun(features: Sequence[str], changed: Iterable[Path]) -> list[str]:
    """Return what to run after a change: the changed features, or all when others changed.

    Args:
        features: Arguments of the command: files, files with lines, and folders.
    Returns: Arguments; [] when no chosen feature has changed.
    """
    from segment_insider_scenarios.scenario_selection import split_file_and_lines

    touched = list[str]()
    for path in sorted(changed):
        if path.suffix != ".feature" or not path.exists():
            return list(features)
        for argument in features:
            chosen = split_file_and_lines(argument)[0].absolute()
            if chosen == path:
                touched.append(argument)
            elif chosen in path.parents:
                touched.append(str(path))
    return list(dict.fromkeys(touched))


def run_again_on_changes(
    features: Sequence[str],
    arguments: Sequence[str],
    changes: Iterator[set[Path]],
    run: Callable[[Sequence[str]], object] | None = None,
) -> None:
    """Run `emulator verify` now and after each change, each time in a process of its own.

    So changed steps and workspaces are read anew.

    Args:
        arguments: Options of the command, without the features and without --watch.
        run: Runs one command; for tests.
    """
    run = run or subprocess.call
    command = [sys.executable, "-m", "segment_insider_emulator", "verify", *arguments, "--"]
    run([*command, *features])
    click.echo("Watching for changes. Stop with Ctrl-C.", err=True)
    for changed in changes:
        if touched := select_features_to_rerun(features, changed):
            names = ", ".join(sorted(path.name for path in changed)[:3])
            click.echo(f"\nChanged: {names}", err=True)
            run([*command, *touched])
