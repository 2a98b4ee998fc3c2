"""analytics.js is fetched once, checked, and served from a folder."""

import io
import tarfile
from pathlib import Path

import pytest

from segment_insider_emulator.segment import assets
from segment_insider_emulator.segment.assets import (
    ANALYTICS_JS_VERSION,
    AnalyticsJsAssets,
    AssetsUnavailable,
    extract_browser_files,
)


class Npm:
    """Counts how often it is asked, and never has the package."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, folder: Path) -> Path:
        self.asked += 1
        raise AssetsUnavailable("npm cannot get it (offline)", "npm pack", "Go online.")


def test_a_failure_is_remembered_for_a_minute(tmp_path: Path) -> None:
    npm, now = Npm(), [0.0]
    own = AnalyticsJsAssets(tmp_path, npm, lambda: now[0])
    asked = []
    for moment in (0.0, 1.0, 59.0, 60.0):
        now[0] = moment
        with pytest.raises(AssetsUnavailable):
            own.read_file("standalone.js")
        asked.append(npm.asked)
    assert asked == [1, 1, 1, 2]


def test_what_is_there_is_not_fetched(tmp_path: Path) -> None:
    npm = Npm()
    folder = tmp_path / f"analytics-next-{ANALYTICS_JS_VERSION}"
    folder.mkdir()
    (folder / "standalone.js").write_text("x", "utf-8")
    (tmp_path / "secret.js").write_text("y", "utf-8")
    own = AnalyticsJsAssets(tmp_path, npm)
    names = ("standalone.js", "none.js", "../secret.js", "standalone.js/", "")
    assert [own.read_file(name) for name in names] == [b"x", None, None, None, None]
    assert npm.asked == 0


def test_another_archive_is_refused() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("package/dist/umd/standalone.js"))
    with pytest.raises(AssetsUnavailable, match="is not that of version"):
        extract_browser_files(buffer.getvalue())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(AssetsUnavailable) as missing:
        AnalyticsJsAssets(tmp_path / "file" / "cache").download_files_if_missing()
    assert str(missing.value) == (
        f"{tmp_path}/file/cache: @segment/analytics-next cannot be kept (Not a directory). "
        + assets.FETCH_REMEDY
    )
