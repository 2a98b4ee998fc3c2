"""Databases on a PostgreSQL server, for tests that know of a database in memory alone."""

import weakref
from collections import deque
from itertools import count
from weakref import WeakSet

from postgres_server import Server
from sqlalchemy import Engine, MetaData, create_engine
from sqlalchemy.schema import CreateSchema, DropSchema

from emulator.capture import database
from emulator.capture.postgres import within


class Schemas:
    """Databases that are empty at first, each a schema of one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._admin = create_engine(server.url)
        self._numbers = count(1)
        self._open: WeakSet[Engine] = WeakSet()
        self._ended: deque[str] = deque()

    def make(self, metadata: MetaData) -> Engine:
        """One more, with the tables of *metadata*, in place of one in memory."""
        assert metadata is database.metadata
        name = f"test_{next(self._numbers)}"
        with self._admin.begin() as connection:
            connection.execute(CreateSchema(name))
        url = within(self.server.url, name)
        engine = database.connect(url.render_as_string(hide_password=False))
        self._open.add(engine)
        weakref.finalize(engine, self._ended.append, name)
        return engine

    def tidy(self) -> None:
        """Close connections that no test has closed, and delete what nobody can ask for."""
        for engine in self._open:
            engine.dispose()
        while self._ended:
            # One by one: a transaction can lock so many tables and no more.
            with self._admin.begin() as connection:
                connection.execute(DropSchema(self._ended.pop(), cascade=True))

    def close(self) -> None:
        """Let go of them, and of the server."""
        for engine in (*self._open, self._admin):
            engine.dispose()
        self.server.remove()
