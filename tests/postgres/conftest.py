"""One PostgreSQL server for all tests here, and for each a database of its own."""

from collections.abc import Iterator
from itertools import count

import pytest
from postgres_server import POSTGRES_MISSING, PostgresServer, find_postgres_programs
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema

from segment_insider_emulator.storage.postgres import add_schema_to_url

NUMBERS = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    running_server = find_postgres_programs()
    if running_server is None:
        pytest.skip(POSTGRES_MISSING)
    server = PostgresServer(running_server)
    yield server
    server.remove()


@pytest.fixture
def url(server: PostgresServer) -> str:
    """URL of an empty database."""
    return create_empty_database(server)


def create_empty_database(server: PostgresServer) -> str:
    """Create an empty database and return its URL."""
    name = f"team_{next(NUMBERS)}"
    engine = create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(CreateSchema(name))
    engine.dispose()
    return add_schema_to_url(server.url, name).render_as_string(hide_password=False)
