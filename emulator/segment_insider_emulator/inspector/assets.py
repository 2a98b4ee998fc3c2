"""Scripts and styles: plain files, under an address that tells their content.

The version is a part of the path, not a query: modules import each other by relative addresses, and
so get the same version as the page that loaded the first.
"""

import mimetypes
from hashlib import sha256
from pathlib import Path

from flask import Response, abort

FOLDER = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Files:
    """The files of one folder, read once: they are few, small and part of the program."""

    def __init__(self, folder: Path) -> None:
        self._content = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    @property
    def version(self) -> str:
        """A name for the content of all files together."""
        digest = sha256()
        for name, content in self._content.items():
            digest.update(f"{name} {len(content)} ".encode() + content)
        return digest.hexdigest()[:12]

    def answer(self, name: str) -> Response:
        """The file *name*, or 404."""
        if name not in self._content:
            abort(404)
        kind = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
        return Response(self._content[name], mimetype=kind or "application/octet-stream")


STATIC = Files(FOLDER)
VERSION = STATIC.version
