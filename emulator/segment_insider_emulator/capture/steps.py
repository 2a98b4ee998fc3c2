"""How the tables came to their present shape, in numbered steps.

Whoever changes a table does it twice: in its definition, which new databases are made from, and in
a step at the end of STEPS, for those that are there. A step is written out in SQL or with tables of
its own, never with the definitions: these go on to change, and it must not. A step that somebody
may have taken stays as it is.

    def browsing(connection: Connection) -> None:
        connection.execute(DDL("CREATE INDEX messages_received ON messages (received_at)"))
"""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text

from segment_insider_emulator.capture.triggers import MESSAGE_COUNT_TRIGGERS

Migration: TypeAlias = Callable[[Connection], None]


def m002_scenario_runs(connection: Connection) -> None:
    """What came of Gherkin scenarios."""
    Table(
        "scenario_runs",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("run", Text, nullable=False),
        sqlite_autoincrement=True,
    ).create(connection)


def m003_sandboxes(connection: Connection) -> None:
    """Which sandboxes were created."""
    required = ("workspace", "write_key", "account", "key", "created_at")
    Table(
        "sandboxes",
        MetaData(),
        Column("id", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in required),
    ).create(connection)


def m004_message_search_indexes(connection: Connection) -> None:
    """Ways to find messages among many, and what a delivery changed in profiles."""
    for name in ("event", "user_id", "anonymous_id", "verdict"):
        connection.exec_driver_sql(f"CREATE INDEX ix_messages_{name} ON messages ({name})")
    for statement in (
        "CREATE INDEX messages_counted ON messages (received_at, verdict)",
        "CREATE INDEX deliveries_taken ON deliveries (subscription, message_id)",
        "ALTER TABLE deliveries ADD COLUMN changes TEXT",
    ):
        connection.exec_driver_sql(statement)


def m005_forgotten_message_ids(connection: Connection) -> None:
    """Ids of messages that retention took away."""
    Table(
        "forgotten",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("message_id", Text, nullable=False, index=True),
        Column("received_at", Text, nullable=False, index=True),
        sqlite_autoincrement=True,
    ).create(connection)


def m006_sandbox_team(connection: Connection) -> None:
    """Whose a sandbox is."""
    connection.exec_driver_sql("ALTER TABLE sandboxes ADD COLUMN team TEXT")


def m007_shared_state(connection: Connection) -> None:
    """What processes on one database have in common."""
    Table(
        "shared",
        MetaData(),
        Column("name", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("revision", "state")),
    ).create(connection)


def m008_message_counts(connection: Connection) -> None:
    """How many messages there are by second and verdict, from now on counted by the database."""
    Table(
        "message_counts",
        MetaData(),
        Column("second", Text, primary_key=True),
        Column("verdict", Text, primary_key=True),
        Column("number", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        sqlite_with_rowid=False,
    ).create(connection)
    connection.exec_driver_sql(
        "INSERT INTO message_counts SELECT substr(received_at, 1, 19), verdict, count(*)"
        " FROM messages GROUP BY substr(received_at, 1, 19), verdict"
    )
    for statement in MESSAGE_COUNT_TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def m009_sandbox_used_at(connection: Connection) -> None:
    """When somebody last asked for a sandbox."""
    connection.exec_driver_sql("ALTER TABLE sandboxes ADD COLUMN used_at TEXT")


def m010_queued_message_begin_count(connection: Connection) -> None:
    """How many processes have begun to deliver a message that waits."""
    kind = "INTEGER" if connection.dialect.name == "sqlite" else "BIGINT"
    connection.exec_driver_sql(f"ALTER TABLE waiting ADD COLUMN begun {kind}")


# The first leads from version 1 to version 2.
MIGRATIONS: tuple[Migration, ...] = (
    m002_scenario_runs,
    m003_sandboxes,
    m004_message_search_indexes,
    m005_forgotten_message_ids,
    m006_sandbox_team,
    m007_shared_state,
    m008_message_counts,
    m009_sandbox_used_at,
    m010_queued_message_begin_count,
)
