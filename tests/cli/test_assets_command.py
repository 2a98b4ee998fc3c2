"""`emulator assets`: downloads once and prints where, or why not."""

import orjson
import pytest
from click.testing import CliRunner

from segment_insider_emulator.cli import main
from segment_insider_emulator.segment.assets import ANALYTICS_JS_VERSION


def test_present_files_are_listed(tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.mktemp("cache")
    folder = cache / f"analytics-next-{ANALYTICS_JS_VERSION}"
    folder.mkdir()
    (folder / "standalone.js").write_text("x", "utf-8")
    ran = CliRunner().invoke(main, ["assets", "--cache", str(cache), "--json"])
    assert (ran.exit_code, orjson.loads(ran.stdout)) == (
        0,
        {"version": ANALYTICS_JS_VERSION, "folder": str(folder), "files": ["standalone.js"]},
    )


def test_a_missing_npm_is_reported_with_a_remedy(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    ran = CliRunner().invoke(main, ["assets", "--cache", str(tmp_path_factory.mktemp("cache"))])
    assert (ran.exit_code, ran.stderr) == (
        2,
        f"emulator: npm: @segment/analytics-next@{ANALYTICS_JS_VERSION} is not here and npm "
        f"is not installed. "
        "Run `emulator assets` once where npm and the internet are at hand.\n",
    )
