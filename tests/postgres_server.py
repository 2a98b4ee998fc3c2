"""A PostgreSQL server for the tests, in a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import URL

POSTGRES_MISSING = "there is no PostgreSQL server here: apt install postgresql"


def find_postgres_programs() -> Path | None:
    """Return the folder of initdb and postgres, latest version; None without any."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = programs[-1] if programs else shutil.which("initdb")
    return Path(named).parent if named else None


class PostgresServer:
    """PostgreSQL server that listens only at a socket in its folder.

    The superuser may not run it: where the tests run as root, it is the user `postgres`.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="emulator-pg-"))
        if self._user:
            shutil.chown(self.folder, self._user)
        self._cluster = self.folder / "cluster"
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        self.start()

    @property
    def url(self) -> URL:
        """URL of its database."""
        socket = {"host": str(self.folder)}
        return URL.create("postgresql+psycopg", "postgres", database="postgres", query=socket)

    def start(self) -> None:
        """Start the server."""
        listening = f"-c listen_addresses= -c unix_socket_directories={self.folder}"
        settings = "-c fsync=off -c full_page_writes=off -c max_connections=200"
        log = str(self.folder / "log")
        self._run("pg_ctl", "start", "-w", "-l", log, "-o", f"{listening} {settings}")

    def kill(self) -> None:
        """Stop the server and all its connections at once, as a crash does."""
        os.kill(int((self._cluster / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", check=False)

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", check=False)
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        subprocess.run(
            [self._programs / program, "-D", self._cluster, *arguments],
            check=check,
            cwd=self.folder,
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
