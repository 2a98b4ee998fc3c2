"""Empty databases on one PostgreSQL server, for tests that use a database in memory."""

import weakref
from collections import deque
from itertools import count
from weakref import WeakSet

from postgres_server import PostgresServer
from sqlalchemy import Engine, MetaData, create_engine, text
from sqlalchemy.schema import CreateSchema, DropSchema

from segment_insider_emulator.storage import database, schema
from segment_insider_emulator.storage.postgres import add_schema_to_url

_SANDBOX_SCHEMAS = text("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :before)")
_SEQUENCES = text("SELECT sequencename FROM pg_sequences WHERE schemaname = :name")


class PostgresSchemas:
    """Pool of empty databases, each a schema of one server.

    Making the tables takes a quarter of a second, and emptying them a millisecond: the schema of a
    closed engine serves the next test.
    """

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._admin = create_engine(server.url)
        self._numbers = count(1)
        self._open: WeakSet[Engine] = WeakSet()
        self._ended: deque[str] = deque()

    def make_engine(self, metadata: MetaData) -> Engine:
        """Return an engine on an empty schema with the tables of *metadata*."""
        assert metadata is schema.metadata
        name = self._empty_schema(self._ended.pop()) if self._ended else self._create_schema()
        url = add_schema_to_url(self.server.url, name)
        engine = database.open_database(url.render_as_string(hide_password=False))
        self._open.add(engine)
        weakref.finalize(engine, self._ended.append, name)
        return engine

    def close_connections(self) -> None:
        """Close connections that a test left open."""
        for engine in self._open:
            engine.dispose()

    def close(self) -> None:
        """Close all engines and remove the server."""
        for engine in (*self._open, self._admin):
            engine.dispose()
        self.server.remove()

    def _create_schema(self) -> str:
        name = f"test_{next(self._numbers)}"
        with self._admin.begin() as connection:
            connection.execute(CreateSchema(name))
        return name

    def _empty_schema(self, name: str) -> str:
        with self._admin.begin() as connection:
            for sandbox in connection.scalars(_SANDBOX_SCHEMAS, {"before": f"{name}:"}).all():
                connection.execute(DropSchema(sandbox, cascade=True))
            numbers = connection.scalars(_SEQUENCES, {"name": name}).all()
            forget = [f"DELETE FROM {name}.{table}" for table in schema.metadata.tables]
            restart = [f"SELECT setval('{name}.{number}', 1, false)" for number in numbers]
            # No trigger counts what goes here: what it counts with goes, too.
            quietly = "SET LOCAL session_replication_role = replica"
            connection.exec_driver_sql("; ".join([quietly, *forget, *restart]))
        return name
