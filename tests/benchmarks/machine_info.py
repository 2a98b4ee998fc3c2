"""Description of the machine, the versions and the load that figures depend on."""

import os
import platform
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("segment-insider-emulator", "flask", "orjson", "sqlalchemy", "uvicorn", "pytest-bdd")


def describe_machine() -> dict[str, Any]:
    """Return date, machine, versions and the current load average."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _find_processor_name(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}",
        },
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "node": _read_output("node", "--version"),
            "commit": _read_output("git", "rev-parse", "--short", "HEAD"),
            **{name: version(name) for name in PACKAGES},
        },
        "loadAverage": os.getloadavg(),
    }


def _find_processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _read_output(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
