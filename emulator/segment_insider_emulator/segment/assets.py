"""Files of analytics.js: downloaded once with npm, and served from a cache folder."""

import base64
import hashlib
import io
import logging
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

from segment_insider_emulator.errors import EmulatorError

log = logging.getLogger(__name__)

NPM_PACKAGE: Final = "@segment/analytics-next"
ANALYTICS_JS_VERSION: Final = "1.84.3"
# Of the package's archive: browsers get exactly this version.
PACKAGE_SHA512: Final = (
    "5l7cPBzScxhfJ0zdcKQI4daDvMIWWUk7hClT1xGRelnHUltIEoQ9w8+ZpFPoWJMpX8D7IA1nVAfJbpiKi3XaKw=="
)
ARCHIVE_MEMBER_PATTERN: Final = re.compile(r"package/dist/umd/([\w.-]+\.js)")
FILE_NAME_PATTERN: Final = re.compile(r"[\w.-]+\.js")
MAX_FILE_BYTES: Final = 5_000_000  # of one file; the largest has 114,551
NPM_TIMEOUT_S: Final = 60.0
NPM_RETRY_INTERVAL_S: Final = 60.0  # after a failure
MAIN_SCRIPT: Final = "standalone.js"
FETCH_REMEDY: Final = "Run `emulator assets` once where npm and the internet are at hand."


class AssetsUnavailable(EmulatorError):
    """Error when analytics.js is not in the cache and cannot be downloaded; all else works."""


class AnalyticsJsAssets:
    """Files of analytics.js in a cache folder that all emulators of a machine share.

    Args:
        cache_folder: Folder of this program's caches; created if needed.
        download_package: Downloads the package's archive into a folder and returns its path.
        monotonic: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        cache_folder: Path,
        download_package: Callable[[Path], Path] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = cache_folder / f"analytics-next-{ANALYTICS_JS_VERSION}"
        self._download_package = download_package or download_with_npm
        self._monotonic = monotonic
        self._lock = Lock()
        self._last_failure: tuple[float, AssetsUnavailable] | None = None

    def read_file(self, name: str) -> bytes | None:
        """Return one file of analytics.js, e.g. "standalone.js"; None if there is none.

        Raises: AssetsMissing.
        """
        self.download_files_if_missing()
        path = self.folder / name
        return path.read_bytes() if FILE_NAME_PATTERN.fullmatch(name) and path.is_file() else None

    def download_files_if_missing(self) -> None:
        """Download analytics.js unless it is in the cache folder. Raises: AssetsUnavailable.

        Raises: AssetsMissing.
        """
        with self._lock:  # one thread runs npm, the others wait for the result
            if self.folder.is_dir():
                return
            if (
                self._last_failure
                and self._monotonic() < self._last_failure[0] + NPM_RETRY_INTERVAL_S
            ):
                raise self._last_failure[1]
            try:
                self._download_and_unpack_files()
            except AssetsUnavailable as error:
                self._last_failure = self._monotonic(), error
                raise

    def _download_and_unpack_files(self) -> None:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder.parent) as scratch:
                archive = self._download_package(Path(scratch)).read_bytes()
                new_folder = Path(scratch) / "files"
                new_folder.mkdir()
                for name, content in extract_browser_files(archive).items():
                    (new_folder / name).write_bytes(content)
                _move_folder_into_place(new_folder, self.folder)
        except OSError as error:
            raise AssetsUnavailable(
                f"{NPM_PACKAGE} cannot be kept ({error.strerror})",
                str(self.folder.parent),
                FETCH_REMEDY,
            ) from error
        log.info(
            "fetched package=%s version=%s folder=%s",
            NPM_PACKAGE,
            ANALYTICS_JS_VERSION,
            self.folder,
        )


def extract_browser_files(archive: bytes) -> dict[str, bytes]:
    """Return the browser files of analytics.js's npm package by name. Raises: AssetsUnavailable."""
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != PACKAGE_SHA512:
        what = f"the archive of {NPM_PACKAGE} is not that of version {ANALYTICS_JS_VERSION}"
        raise AssetsUnavailable(what, f"sha512-{digest}", FETCH_REMEDY)
    contents = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as package:
        for member in package:
            match = ARCHIVE_MEMBER_PATTERN.fullmatch(member.name)
            content = (
                package.extractfile(member) if match and member.size <= MAX_FILE_BYTES else None
            )
            if match and content:
                contents[match[1]] = content.read()
    return contents


def download_with_npm(folder: Path) -> Path:
    """Download the analytics.js package into *folder* with npm. Raises: AssetsUnavailable."""
    npm = shutil.which("npm")
    package = f"{NPM_PACKAGE}@{ANALYTICS_JS_VERSION}"
    if npm is None:
        raise AssetsUnavailable(
            f"{package} is not here and npm is not installed", "npm", FETCH_REMEDY
        )
    command = [npm, "pack", package, "--ignore-scripts", "--loglevel=error"]
    try:
        subprocess.run(
            [*command, "--fetch-retries=0", f"--pack-destination={folder}"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=NPM_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        error_lines = error.stderr.decode(errors="replace").strip().splitlines()
        reason = (
            error_lines[0].removeprefix("npm error ") if error_lines else f"exit {error.returncode}"
        )
        raise AssetsUnavailable(
            f"npm cannot get {package} ({reason})", "npm pack", FETCH_REMEDY
        ) from error
    except subprocess.TimeoutExpired as error:
        what = f"npm did not get {package} in {NPM_TIMEOUT_S:g} s"
        raise AssetsUnavailable(what, "npm pack", FETCH_REMEDY) from error
    return next(folder.glob("*.tgz"))


def _move_folder_into_place(new_folder: Path, folder: Path) -> None:
    """Move a downloaded folder into the cache in one step; another process may have been faster."""
    try:
        new_folder.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
