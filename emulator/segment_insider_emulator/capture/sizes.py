"""How much a database holds."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from segment_insider_emulator.capture.database import transaction
from segment_insider_emulator.capture.postgres_sizes import count_disk_bytes, estimate_row_bytes
from segment_insider_emulator.capture.tables import deliveries, forgotten_message_ids, messages

SELECT_OLDEST_RECEIVED_AT = select(messages.c.received_at).order_by(messages.c.id).limit(1)
SQLITE_FILE_SUFFIXES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class DatabaseSize:
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


def measure_database(engine: Engine) -> DatabaseSize:
    """Count. Raises: StorageFault, when the database cannot be used."""
    with transaction(engine) as connection:
        kept, made, remembered = (
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (messages, deliveries, forgotten_message_ids)
        )
        oldest, used = connection.scalar(SELECT_OLDEST_RECEIVED_AT), count_used_bytes(connection)
        taken = (
            count_disk_bytes(connection) if _is_postgres(connection) else _count_file_bytes(engine)
        )
    return DatabaseSize(kept, made, remembered, oldest, used, taken)


def count_used_bytes(connection: Connection) -> int:
    """Bytes in use."""
    if _is_postgres(connection):
        return estimate_row_bytes(connection)
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _count_file_bytes(engine: Engine) -> int | None:
    if not engine.url.database:
        return None
    files = [Path(engine.url.database + end) for end in SQLITE_FILE_SUFFIXES]
    return sum(file.stat().st_size for file in files if file.exists())


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
