"""analytics.js as published: fetched once with npm, kept in a folder, served from there."""

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

PACKAGE: Final = "@segment/analytics-next"
VERSION: Final = "1.84.3"
# Of the package's archive: what is served to browsers is this and nothing else.
SHA512: Final = (
    "5l7cPBzScxhfJ0zdcKQI4daDvMIWWUk7hClT1xGRelnHUltIEoQ9w8+ZpFPoWJMpX8D7IA1nVAfJbpiKi3XaKw=="
)
MEMBER: Final = re.compile(r"package/dist/umd/([\w.-]+\.js)")
NAME: Final = re.compile(r"[\w.-]+\.js")
LARGEST: Final = 5_000_000  # bytes of one file; the largest has 114,551
PATIENCE: Final = 60.0  # seconds that npm may take
PAUSE: Final = 60.0  # seconds until npm is asked again after it failed
SCRIPT: Final = "standalone.js"
REMEDY: Final = "Run `emulator assets` once where npm and the internet are at hand."


class AssetsMissing(EmulatorError):
    """The bundle of analytics.js is not here and cannot be fetched. Nothing else is affected."""


class Assets:
    """The files of analytics.js in a cache folder, the same for all emulators of a machine.

    Args:
        cache: Folder of this program's caches; made when it is needed.
        pack: Downloads the package's archive into a folder and gives its path.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        cache: Path,
        pack: Callable[[Path], Path] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = cache / f"analytics-next-{VERSION}"
        self._pack = pack or npm_pack
        self._clock = clock
        self._lock = Lock()
        self._failure: tuple[float, AssetsMissing] | None = None

    def read(self, name: str) -> bytes | None:
        """One file, e.g. "standalone.js"; None when the package has none of this name.

        Raises: AssetsMissing.
        """
        self.fetch()
        path = self.folder / name
        return path.read_bytes() if NAME.fullmatch(name) and path.is_file() else None

    def fetch(self) -> None:
        """See to it that the files are in the folder. Raises: AssetsMissing."""
        with self._lock:  # one asks npm, the others wait for what comes of it
            if self.folder.is_dir():
                return
            if self._failure and self._clock() < self._failure[0] + PAUSE:
                raise self._failure[1]
            try:
                self._unpack()
            except AssetsMissing as error:
                self._failure = self._clock(), error
                raise

    def _unpack(self) -> None:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder.parent) as scratch:
                archive = self._pack(Path(scratch)).read_bytes()
                filled = Path(scratch) / "files"
                filled.mkdir()
                for name, content in files(archive).items():
                    (filled / name).write_bytes(content)
                _settle(filled, self.folder)
        except OSError as error:
            raise AssetsMissing(
                f"{PACKAGE} cannot be kept ({error.strerror})", str(self.folder.parent), REMEDY
            ) from error
        log.info("fetched package=%s version=%s folder=%s", PACKAGE, VERSION, self.folder)


def files(archive: bytes) -> dict[str, bytes]:
    """The browser files of the package's *archive* by name. Raises: AssetsMissing."""
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != SHA512:
        what = f"the archive of {PACKAGE} is not that of version {VERSION}"
        raise AssetsMissing(what, f"sha512-{digest}", REMEDY)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as package:
        for member in package:
            named = MEMBER.fullmatch(member.name)
            content = package.extractfile(member) if named and member.size <= LARGEST else None
            if named and content:
                found[named[1]] = content.read()
    return found


def npm_pack(folder: Path) -> Path:
    """Download the archive into *folder* with the npm client. Raises: AssetsMissing."""
    npm = shutil.which("npm")
    wanted = f"{PACKAGE}@{VERSION}"
    if npm is None:
        raise AssetsMissing(f"{wanted} is not here and npm is not installed", "npm", REMEDY)
    ask = [npm, "pack", wanted, "--ignore-scripts", "--loglevel=error"]
    try:
        subprocess.run(
            [*ask, "--fetch-retries=0", f"--pack-destination={folder}"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        why = said[0].removeprefix("npm error ") if said else f"exit {error.returncode}"
        raise AssetsMissing(f"npm cannot get {wanted} ({why})", "npm pack", REMEDY) from error
    except subprocess.TimeoutExpired as error:
        what = f"npm did not get {wanted} in {PATIENCE:g} s"
        raise AssetsMissing(what, "npm pack", REMEDY) from error
    return next(folder.glob("*.tgz"))


def _settle(filled: Path, folder: Path) -> None:
    """Put the whole folder in place at once; another process may have been faster."""
    try:
        filled.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
