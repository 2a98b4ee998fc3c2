"""How much a database holds."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.postgres_sizes import disk_bytes, stored_bytes
from segment_insider_emulator.capture.tables import deliveries, forgotten, messages

OLDEST = select(messages.c.received_at).order_by(messages.c.id).limit(1)
WRITTEN_BESIDE = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a database holds.

    Args:
        remembered: Ids of messages that are gone, and whose duplicates are dropped all the same.
        oldest: When the oldest message was received, ISO 8601; None when there is none.
        used_bytes: What is taken by something; of a PostgreSQL schema what its rows take, of a
            large one about.
        file_bytes: What it takes on the disk, free pages and what is written beside it included;
            None when it is in memory.
    """

    messages: int
    deliveries: int
    remembered: int
    oldest: str | None
    used_bytes: int
    file_bytes: int | None


def measure(engine: Engine) -> Sizes:
    """Count. Raises: StorageFault, when the database cannot be used."""
    with transaction(engine) as connection:
        kept, made, remembered = (
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (messages, deliveries, forgotten)
        )
        oldest, used = connection.scalar(OLDEST), used_bytes(connection)
        taken = disk_bytes(connection) if _is_postgres(connection) else _of_files(engine)
    return Sizes(kept, made, remembered, oldest, used, taken)


def used_bytes(connection: Connection) -> int:
    """Bytes in use."""
    if _is_postgres(connection):
        return stored_bytes(connection)
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _of_files(engine: Engine) -> int | None:
    if not engine.url.database:
        return None
    files = [Path(engine.url.database + end) for end in WRITTEN_BESIDE]
    return sum(file.stat().st_size for file in files if file.exists())


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
