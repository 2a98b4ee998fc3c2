"""Scripts and styles: plain files, under an address that tells their content.

The version is a part of the path, not a query: modules import each other by relative addresses, and
so get the same version as the page that loaded the first.
"""

import mimetypes
from hashlib import sha256
from pathlib import Path

from flask import Response, abort

STATIC_FOLDER = Path(__file__).parent / "static"
MIME_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class StaticFiles:
    """The files of one folder, read once: they are few, small and part of the program."""

    def __init__(self, folder: Path) -> None:
        self._content_by_name = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    @property
    def content_hash(self) -> str:
        """A name for the content of all files together."""
        digest = sha256()
        for name, content in self._content_by_name.items():
            digest.update(f"{name} {len(content)} ".encode() + content)
        return digest.hexdigest()[:12]

    def build_response(self, name: str) -> Response:
        """The file *name*, or 404."""
        if name not in self._content_by_name:
            abort(404)
        kind = MIME_TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
        return Response(self._content_by_name[name], mimetype=kind or "application/octet-stream")


STATIC_FILES = StaticFiles(STATIC_FOLDER)
STATIC_VERSION = STATIC_FILES.content_hash
