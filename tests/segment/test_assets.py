"""Assets of analytics.js: downloaded once, verified and served from a folder."""

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


class FailingNpm:
    """An npm without the package that counts the requests for it."""

    def __init__(self) -> None:
        self.request_count = 0

    def __call__(self, folder: Path) -> Path:
        self.request_count += 1
        raise AssetsUnavailable("npm cannot get it (offline)", "npm pack", "Go online.")


def test_a_failure_is_remembered_for_a_minute(tmp_path: Path) -> None:
    failing_npm, now = FailingNpm(), [0.0]
    assets_folder = AnalyticsJsAssets(tmp_path, failing_npm, lambda: now[0])
    request_counts = []
    for time_s in (0.0, 1.0, 59.0, 60.0):
        now[0] = time_s
        with pytest.raises(AssetsUnavailable):
            assets_folder.read_file("standalone.js")
        request_counts.append(failing_npm.request_count)
    assert request_counts == [1, 1, 1, 2]


def test_existing_files_are_not_downloaded(tmp_path: Path) -> None:
    failing_npm = FailingNpm()
    folder = tmp_path / f"analytics-next-{ANALYTICS_JS_VERSION}"
    folder.mkdir()
    (folder / "standalone.js").write_text("x", "utf-8")
    (tmp_path / "secret.js").write_text("y", "utf-8")
    assets_folder = AnalyticsJsAssets(tmp_path, failing_npm)
    names = ("standalone.js", "none.js", "../secret.js", "standalone.js/", "")
    assert [assets_folder.read_file(name) for name in names] == [b"x", None, None, None, None]
    assert failing_npm.request_count == 0


def test_an_archive_with_another_checksum_is_refused() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("package/dist/umd/standalone.js"))
    with pytest.raises(AssetsUnavailable, match="is not that of version"):
        extract_browser_files(buffer.getvalue())


def test_a_folder_that_cannot_be_created_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(AssetsUnavailable) as error:
        AnalyticsJsAssets(tmp_path / "file" / "cache").download_files_if_missing()
    assert str(error.value) == (
        f"{tmp_path}/file/cache: @segment/analytics-next cannot be kept (Not a directory). "
        + assets.FETCH_REMEDY
    )
