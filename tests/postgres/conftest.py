"""One PostgreSQL server for all tests here, and for each a database of its own."""

from collections.abc import Iterator
from itertools import count

import pytest
from postgres_server import MISSING, Server, programs
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema

from segment_insider_emulator.storage.postgres import url_with_schema

NUMBERS = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    found = programs()
    if found is None:
        pytest.skip(MISSING)
    server = Server(found)
    yield server
    server.remove()


@pytest.fixture
def url(server: Server) -> str:
    """A database that is empty."""
    return empty(server)


def empty(server: Server) -> str:
    """The address of a database that is empty."""
    name = f"team_{next(NUMBERS)}"
    engine = create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(CreateSchema(name))
    engine.dispose()
    return url_with_schema(server.url, name).render_as_string(hide_password=False)
