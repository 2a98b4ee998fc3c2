"""Behaviour of PostgreSQL only; `pytest --postgres` runs the other tests on it, too."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from itertools import count
from threading import Semaphore
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from postgres_server import PostgresServer
from sqlalchemy import URL, Engine, QueuePool, create_engine, event, text

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.storage.change_feed import PostgresListener
from segment_insider_emulator.storage.database import (
    DatabaseUnavailable,
    close_database,
    open_database,
    transaction,
)
from segment_insider_emulator.storage.database_size import (
    estimate_postgres_row_bytes,
    measure_postgres_disk_bytes,
)
from segment_insider_emulator.storage.json_conditions import MessagePath
from segment_insider_emulator.storage.message_filters import MessageFilters
from segment_insider_emulator.storage.message_sorting import COLUMN_VALUES, SortOrder
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.query_language import Comparison
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.storage.retention import (
    LIMIT_CHECK_INTERVAL_S,
    MAX_MESSAGES_PER_STEP,
    STEP_PAUSE_S,
    UNUSED_CHECK_INTERVAL_S,
    MessageRetention,
    RetentionLimits,
    RetentionSchedule,
)
from segment_insider_emulator.workspace import load_preset_workspace

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LISTENING = "segment_insider_emulator.storage.change_feed"
HEARD = 60.0  # seconds, of which none is needed
CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
CALL = {"writeKey": "wk_demo", "messageId": "m1", "userId": "ada"}
DOCUMENT = {
    "properties": {"total": 8.5, "gift": None, "note": "a\0b", "tags": ["blue"], "of": {"0": "x"}}
}
MESSAGE = MessageRecord(
    message_id="m1",
    type="track",
    event="Order\0Completed",
    user_id="ada",
    anonymous_id=None,
    received_at="2026-11-23T10:00:00.000Z",
    verdict="accepted",
    reason=None,
    sent=DOCUMENT,
    normalised=DOCUMENT,
)


@contextmanager
def emulator(db: str) -> Iterator[FlaskClient]:
    app: Flask = create_app(Config(db=db), load_preset_workspace("guide"), clock=lambda: NOW)
    try:
        yield app.test_client()
    finally:
        app.extensions["sandboxes"].close()


def get_json(client: FlaskClient, path: str) -> Any:
    return orjson.loads(client.get(f"/emulator/v1/{path}").data)


def test_nul_is_replaced_in_names_and_unchanged_in_documents(url: str) -> None:
    with closing(MessageStore(open_database(url))) as store:
        store.record_messages([MESSAGE])
        stored = replace(MESSAGE, id=1, event="Order\ufffdCompleted")
        assert store.list_messages({"event": "Order\0Completed"})[0] == [stored]


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("path", "wanted", "found"),
    [
        pytest.param("$.properties.total", "8.5", True, id="a number"),
        pytest.param("$.properties.total", "8.50", True, id="a number, written otherwise"),
        pytest.param("$.properties.total", "9", False, id="another number"),
        pytest.param("$.properties.gift", None, True, id="null is there"),
        pytest.param("$.properties.missing", None, False, id="nothing is there"),
        pytest.param("$.properties.tags[0]", "blue", True, id="of a list"),
        pytest.param("$.properties.tags.blue", None, False, id="no name of a list"),
        pytest.param("$.properties.of[0]", None, False, id="no place of an object"),
        pytest.param("$.properties.note", "{", False, id="what is no JSON"),
        pytest.param("$.properties.o--%s", None, False, id="a path is never SQL"),
    ],
)
@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_a_json_path_matches_the_same_messages_on_both_databases(
    url: str, kind: str, path: str, wanted: str | None, found: bool
) -> None:
    with closing(MessageStore(open_database(url if kind == "postgresql" else ":memory:"))) as store:
        store.record_messages([MESSAGE])
        condition = (
            Comparison("has", "=", path) if wanted is None else Comparison(path, "=", wanted)
        )
        chosen = MessageFilters(condition=condition)
        listed = store.message_search.find_message_page(chosen)
        assert [message.message_id for message in listed.messages] == ["m1"] * found


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    "column", [*COLUMN_VALUES, "$.properties.total", "insider.events", "sent.x"]
)
def test_messages_are_sorted_by_each_column(url: str, column: str) -> None:
    path = None if column in COLUMN_VALUES else MessagePath.parse(column)
    order = SortOrder("" if path else column, path, is_descending=True)
    with closing(MessageStore(open_database(url))) as store:
        store.record_messages([MESSAGE, replace(MESSAGE, message_id="m2", event=None)])
        page = store.message_sorter.find_sorted_page(MessageFilters(), order)
        assert sorted(message.message_id for message in page.messages) == ["m1", "m2"]


def test_ids_grow_in_the_order_of_commits(url: str) -> None:
    hasty = url + "%20-clock_timeout=50ms"
    engine = open_database(url)
    with (
        closing(MessageStore(engine)) as store,
        closing(MessageStore(open_database(hasty))) as other,
    ):
        with transaction(engine):
            store.record_messages([MESSAGE])
            with pytest.raises(DatabaseUnavailable, match="lock timeout"):
                other.record_messages([replace(MESSAGE, message_id="m2")])
            assert other.list_messages()[0] == []
        other.record_messages([replace(MESSAGE, message_id="m2")])
        assert [message.message_id for message in store.list_messages()[0]] == ["m1", "m2"]


def test_two_emulators_on_one_database_create_one_profile_per_person(url: str) -> None:
    def identify(client: FlaskClient, number: int) -> int:
        return client.post("/v1/identify", json={**CALL, "messageId": f"m{number}"}).status_code

    with emulator(url) as one, emulator(url) as other, ThreadPoolExecutor(4) as pool:
        clients = [one, other] * 4
        clients = [client.application.test_client() for client in clients]
        answers = list(pool.map(identify, clients, count()))
        assert answers == [200] * 8
        assert len(get_json(other, "profiles")["profiles"]) == 1
        assert len(get_json(other, "messages")["messages"]) == 8


def test_messages_and_sandboxes_survive_a_restart(url: str) -> None:
    with emulator(url) as client:
        client.post("/emulator/v1/sandboxes", json={"id": "r" * 60, "writeKey": "wk_red"})
        client.post("/v1/identify", json=CALL)
        client.post("/v1/identify", json={**CALL, "messageId": "red", "writeKey": "wk_red"})
    with emulator(url) as client:
        assert [message["messageId"] for message in get_json(client, "messages")["messages"]] == [
            "m1"
        ]
        there = orjson.loads(client.get(f"/sandboxes/{'r' * 60}/emulator/v1/messages").data)
        assert [message["messageId"] for message in there["messages"]] == ["red"]


def test_a_deleted_sandbox_leaves_no_schema(url: str, server: PostgresServer) -> None:
    def schemas() -> int:
        engine = create_engine(server.url)
        with engine.connect() as connection:
            number = connection.scalar(text("SELECT count(*) FROM pg_namespace"))
        engine.dispose()
        return int(number or 0)

    with emulator(url) as client:
        before = schemas()
        client.post("/emulator/v1/sandboxes", json={"id": "red"})
        made = schemas()
        client.delete("/emulator/v1/sandboxes/red")
        assert (made, schemas()) == (before + 1, before)


def test_the_settings_page_shows_the_size_of_its_own_sandbox(url: str) -> None:
    def size(client: FlaskClient, root: str) -> str:
        found = re.search("<dt>Size</dt><dd>(.+?)</dd>", client.get(f"{root}/settings").text)
        assert found
        return found[1]

    with emulator(url) as client:
        client.post("/emulator/v1/sandboxes", json={"id": "red"})
        before = [size(client, root) for root in ("", "/sandboxes/red")]
        client.post("/v1/identify", json={**CALL, "traits": {"note": "a" * 9_000}})
        after = [size(client, root) for root in ("", "/sandboxes/red")]
    assert [was != now for was, now in zip(before, after, strict=True)] == [True, False]


def test_the_settings_page_shows_the_database_url_without_a_password(url: str) -> None:
    with emulator(f"{url}&password=topsecret") as client:
        page = client.get("/settings").text
    found = re.search("<dt>Database</dt><dd>postgresql, <code>(.+?)</code>", page)
    assert found
    assert unescape(found[1]) == url


def test_nothing_is_acknowledged_while_the_server_is_down(url: str, server: PostgresServer) -> None:
    with emulator(url) as client:
        assert client.post("/v1/identify", json=CALL).status_code == 200
        server.kill()
        refused = [client.post("/v1/identify", json={**CALL, "messageId": "m2"}) for _ in range(3)]
        assert [response.status_code for response in refused] == [503] * 3
        assert client.get("/emulator/v1/messages").status_code == 503
        assert (
            client.get("/emulator/v1/health").status_code == 503
        )  # so that the load balancer sends no request here
        server.start()
        assert client.post("/v1/identify", json={**CALL, "messageId": "m2"}).status_code == 200
        assert [message["messageId"] for message in get_json(client, "messages")["messages"]] == [
            "m1",
            "m2",
        ]


def test_an_unreachable_server_is_reported_in_one_line() -> None:
    with pytest.raises(EmulatorError) as error:
        open_database("postgresql+psycopg://ada:secret@127.0.0.1:1/emulator?connect_timeout=2")
    assert "secret" not in str(error.value)
    assert str(error.value).count("\n") == 0
    assert "Check that the database can be reached." in str(error.value)


@pytest.mark.parametrize("kind", ["postgres", "postgresql"])
def test_a_hosting_providers_url_opens_the_same_database(url: str, kind: str) -> None:
    with emulator(url) as client:
        client.post("/v1/identify", json=CALL)
    with emulator(url.replace("postgresql+psycopg", kind)) as client:
        assert client.post("/emulator/v1/sandboxes", json={"id": "red"}).status_code == 201
        assert [message["messageId"] for message in get_json(client, "messages")["messages"]] == [
            "m1"
        ]


def get_open_error(url: URL) -> EmulatorError:
    with pytest.raises(EmulatorError) as error:
        open_database(url.render_as_string(hide_password=False))
    return error.value


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("username", "nobody", "Check that the user and the database of the database URL exist"),
        ("database", "none", "Check that the user and the database of the database URL exist"),
        ("username", "idle", "Allow the database URL's user to connect"),
        ("username", "full", "Raise the limit of the database URL's user, e.g. with ALTER ROLE"),
        (
            "query",
            {"host": "/nowhere", "sslmode": "bogus"},
            "Set sslmode in the database URL to disable, allow, prefer, require",
        ),
        ("query", {"host": "/nowhere"}, "Check that the database can be reached."),
    ],
)
def test_a_refused_connection_is_reported_with_a_hint_and_may_be_retried(
    server: PostgresServer, name: str, value: Any, advice: str
) -> None:
    admin = create_engine(server.url)
    with admin.begin() as connection:
        connection.execute(text('DROP ROLE IF EXISTS idle, "full"'))
        connection.execute(text("CREATE ROLE idle NOLOGIN"))
        connection.execute(text('CREATE ROLE "full" LOGIN CONNECTION LIMIT 0'))
    admin.dispose()
    error = get_open_error(server.url.set(**{name: value}))
    assert isinstance(error, TemporarilyUnavailable)
    assert error.what.startswith("the database cannot be opened (connection ")
    assert error.remedy.startswith(advice)


GRANT = (
    "Make the user of the database URL the owner of the tables, and GRANT it CREATE on the database"
    " and the schema, or make it the owner of these, too."
)


def test_a_missing_permission_is_not_temporary_at_the_start(server: PostgresServer) -> None:
    admin = create_engine(server.url)
    with admin.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS guest"))
        connection.execute(text("CREATE ROLE guest LOGIN"))
    admin.dispose()
    error = get_open_error(server.url.set(username="guest"))
    assert (type(error), error.what, error.remedy) == (
        EmulatorError,
        "the database cannot be opened (permission denied for schema public)",
        GRANT,
    )


def test_a_sandbox_needs_the_permission_to_create_a_schema(server: PostgresServer) -> None:
    # A database is made in no transaction.
    admin = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with admin.begin() as connection:
        connection.execute(text("CREATE ROLE tenant LOGIN"))
        connection.execute(text("CREATE DATABASE rented"))
    inside = create_engine(server.url.set(database="rented"))
    with inside.begin() as connection:
        connection.execute(text("GRANT CREATE ON SCHEMA public TO tenant"))
    inside.dispose()
    with emulator(str(server.url.set(username="tenant", database="rented"))) as client:
        refused = client.post("/emulator/v1/sandboxes", json={"id": "red"})
        assert (refused.status_code, refused.get_json()["error"]) == (
            503,
            {
                "what": "the database cannot be used (permission denied for database rented)",
                "where": "",
                "remedy": f"{GRANT} Unacknowledged messages may be sent again.",
            },
        )
        with admin.begin() as connection:
            connection.execute(text("GRANT CREATE ON DATABASE rented TO tenant"))
        assert client.post("/emulator/v1/sandboxes", json={"id": "red"}).status_code == 201
    admin.dispose()


def test_creating_a_sandbox_without_a_free_connection_can_be_retried(
    server: PostgresServer,
) -> None:
    # A database is made in no transaction.
    admin = create_engine(server.url, isolation_level="AUTOCOMMIT")
    limit = "ALTER ROLE owner CONNECTION LIMIT {}"
    with admin.begin() as connection:
        connection.execute(text("CREATE ROLE owner LOGIN"))
        connection.execute(text("CREATE DATABASE owned OWNER owner"))
    with emulator(str(server.url.set(username="owner", database="owned"))) as client:
        with admin.begin() as connection:
            connection.execute(text(limit.format(1)))
        refused = client.post("/emulator/v1/sandboxes", json={"id": "red"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        remedy = refused.get_json()["error"]["remedy"]
        assert remedy.startswith("Raise the limit of the database URL's user")
        with admin.begin() as connection:
            connection.execute(text(limit.format(-1)))
        assert client.post("/emulator/v1/sandboxes", json={"id": "red"}).status_code == 201
    admin.dispose()


def test_the_used_size_is_estimated_from_a_sample_without_free_space(
    url: str,
) -> None:
    engine = open_database(url)
    many = [
        replace(MESSAGE, message_id=f"m{number}", received_at="2026-11-01T00:00:00.000Z")
        for number in range(4000)
    ]
    with closing(MessageStore(engine)) as store:
        store.record_messages(many)
        with transaction(engine) as connection:
            whole, part = (
                estimate_postgres_row_bytes(connection),
                estimate_postgres_row_bytes(connection, max_sample_bytes=200_000),
            )
            files = measure_postgres_disk_bytes(connection)
        assert part == pytest.approx(whole, rel=0.2)
        assert whole < files
        for _ in iter(
            MessageRetention(
                engine, RetentionLimits(bytes=whole // 2), lambda: NOW
            ).delete_excess_messages,
            0,
        ):
            pass
        left = store.measure_database_size()
        assert left.messages == pytest.approx(2000, abs=MAX_MESSAGES_PER_STEP + 100)
        assert left.used_bytes <= whole // 2
        assert left.file_bytes is not None
        assert left.file_bytes >= files


def test_a_writer_waits_for_at_most_one_retention_step(url: str) -> None:
    engine, hasty = open_database(url), open_database(url + "%20-clock_timeout=20s")
    old = [
        replace(MESSAGE, message_id=f"m{number}", received_at="2026-11-01T00:00:00.000Z")
        for number in range(10 * MAX_MESSAGES_PER_STEP)
    ]
    with closing(MessageStore(engine)) as store, closing(MessageStore(hasty)) as other:
        store.record_messages(old)
        retention = MessageRetention(engine, RetentionLimits(days=5), lambda: NOW)
        with ThreadPoolExecutor(1) as pool:
            pruning = pool.submit(lambda: len(list(iter(retention.delete_excess_messages, 0))))
            for number in range(30):
                other.record_messages([replace(MESSAGE, message_id=f"new{number}")])
            assert pruning.result() == 10
        assert [message.message_id for message in store.list_messages(limit=1000)[0]] == [
            f"new{number}" for number in range(30)
        ]


def test_writes_of_another_process_are_notified_without_polling(url: str) -> None:
    engine = open_database(url)
    asked: list[str] = []
    with (
        closing(MessageStore(engine, PostgresListener())) as store,
        closing(MessageStore(open_database(url))) as other,
    ):
        store.change_counter.wait_for_change(
            store.change_counter.wait_for_change(0, HEARD), HEARD
        )  # one notification at the start, after the connection
        event.listen(engine, "before_cursor_execute", lambda *what: asked.append(what[2]))
        for number, id in enumerate(("m1", "m2"), start=2):
            other.record_messages([replace(MESSAGE, message_id=id)])
            assert store.change_counter.wait_for_change(number, HEARD) == number + 1
        assert asked == []


@pytest.mark.extended
def test_the_listener_logs_a_lost_connection_once_and_its_restoration_once(
    url: str, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    engine, tried = open_database(url), Semaphore(0)
    with closing(MessageStore(engine, PostgresListener())) as store:
        store.change_counter.wait_for_change(store.change_counter.wait_for_change(0, HEARD), HEARD)
        event.listen(engine, "do_connect", lambda *_: tried.release())
        server.kill()
        for _ in range(2):
            assert tried.acquire(timeout=HEARD)
        server.start()
        assert store.change_counter.wait_for_change(2, 2 * HEARD) == 3
    said = [record.getMessage() for record in caplog.records if record.name == LISTENING]
    assert [line.partition(" reason=")[0] for line in said] == [
        "PostgreSQL LISTEN connection lost",
        "PostgreSQL LISTEN connection restored",
    ]


@contextmanager
def make_retention_emulator(db: str, now: list[float]) -> Iterator[FlaskClient]:
    """Run an emulator with a stopwatch that shows the last value of *now* in seconds."""
    app = create_app(
        Config(db=db), load_preset_workspace("guide"), clock=lambda: NOW, stopwatch=lambda: now[-1]
    )
    try:
        yield app.test_client()
    finally:
        app.extensions["sandboxes"].close()


def wait_for_connections(server: PostgresServer, name: str, most: int) -> int:
    """How many connections the program *name* has, as soon as they are no more than *most*: the
    server takes a moment to see that one was closed."""
    count = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'"
    admin = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with closing(admin.connect()) as connection:
        for _ in range(1_000):
            found = int(connection.scalar(text(count)) or 0)
            if found <= most:
                break
    admin.dispose()
    return found


def test_an_idle_sandbox_closes_its_connections(url: str, server: PostgresServer) -> None:
    now = [0.0]
    with make_retention_emulator(f"{url}&application_name=rests", now) as client:
        for id in ("red", "blue"):
            client.post("/emulator/v1/sandboxes", json={"id": id, "writeKey": f"wk_{id}"})
            client.post("/v1/identify", json={**CALL, "writeKey": f"wk_{id}"})
        assert wait_for_connections(server, "rests", 99) > 3
        for now[-1] in (20.0, 40.0, 60.0, 80.0, 100.0):
            client.post("/v1/identify", json={**CALL, "messageId": f"m{now}", "writeKey": "wk_red"})
        assert wait_for_connections(server, "rests", 3) <= 3  # the default one's, and those of red
        for now[-1] in (120.0, 140.0, 160.0, 180.0):
            client.get("/emulator/v1/health")
        assert wait_for_connections(server, "rests", 2) <= 2
        there = orjson.loads(client.get("/sandboxes/blue/emulator/v1/messages").data)
        assert [message["messageId"] for message in there["messages"]] == ["m1"]


def test_a_sandbox_opens_no_connection_before_its_first_request(
    url: str, server: PostgresServer
) -> None:
    with emulator(url) as client:
        for number in range(5):
            client.post("/emulator/v1/sandboxes", json={"id": f"box-{number}"})
    with emulator(f"{url}&application_name=starts") as client:
        assert wait_for_connections(server, "starts", 2) <= 2
        assert client.get("/sandboxes/box-4/emulator/v1/messages").status_code == 200


def count_open_connections(engine: Engine) -> int:
    assert isinstance(engine.pool, QueuePool)
    return engine.pool.checkedin()


def test_retention_keeps_no_connection_of_an_unused_database_open(
    url: str,
) -> None:
    engine = open_database(url)
    with closing(MessageStore(engine)) as store:
        steps = RetentionSchedule(
            MessageRetention(engine, RetentionLimits(messages=1), lambda: NOW), store.pool_usage
        )
        assert (steps.run_step_if_due(0.0), count_open_connections(engine)) == (
            LIMIT_CHECK_INTERVAL_S,
            0,
        )
        store.record_messages([MESSAGE, replace(MESSAGE, message_id="m2")])
        assert (steps.run_step_if_due(10.0), count_open_connections(engine)) == (STEP_PAUSE_S, 1)
        assert (steps.run_step_if_due(10.1), count_open_connections(engine)) == (
            LIMIT_CHECK_INTERVAL_S,
            0,
        )
        assert store.list_messages()[0] != []
        assert (steps.run_step_if_due(20.0), count_open_connections(engine)) == (
            LIMIT_CHECK_INTERVAL_S,
            1,
        )
        assert (
            steps.run_step_if_due(20.0 + UNUSED_CHECK_INTERVAL_S),
            count_open_connections(engine),
        ) == (
            LIMIT_CHECK_INTERVAL_S,
            0,
        )


def test_requests_work_while_idle_connections_are_closed(url: str) -> None:
    now = [0.0]
    with make_retention_emulator(url, now) as client:
        client.post("/emulator/v1/sandboxes", json={"id": "red"})
        engine = client.application.extensions["sandboxes"].get_sandbox("red").services.engine
        with transaction(engine) as connection:
            before = connection.scalar(text("SELECT pg_backend_pid()"))
            for now[-1] in (20.0, 90.0, 160.0):
                client.get("/emulator/v1/health")
            assert connection.scalar(text("SELECT pg_backend_pid()")) == before
        with transaction(engine) as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) == before


def test_notifications_arrive_again_after_a_lost_connection(
    url: str, server: PostgresServer
) -> None:
    admin = create_engine(server.url)
    with (
        closing(MessageStore(open_database(url), PostgresListener())) as store,
        closing(MessageStore(open_database(url))) as other,
    ):
        store.change_counter.wait_for_change(store.change_counter.wait_for_change(0, HEARD), HEARD)
        with admin.begin() as connection:
            assert connection.execute(text(CUT_OFF)).rowcount == 1
        assert store.change_counter.wait_for_change(2, HEARD) == 3
        other.record_messages([MESSAGE])
        assert store.change_counter.wait_for_change(3, HEARD) == 4
    admin.dispose()


@pytest.mark.parametrize("lost_in", ["a block", "a block in another"])
def test_a_connection_lost_during_a_profile_write_is_reported(url: str, lost_in: str) -> None:
    engine = open_database(url)
    store = ProfileStore(engine)
    outer = store.unit_of_work() if lost_in == "a block in another" else nullcontext()
    with (
        pytest.raises(DatabaseUnavailable),
        outer,
        store.unit_of_work(),
        transaction(engine) as lost,
    ):
        lost.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert store.list_profiles_with_events() == ([], None)
    close_database(engine)


def test_two_retention_workers_delete_each_message_once(url: str) -> None:
    young = [
        replace(MESSAGE, message_id=f"m{number}") for number in range(4 * MAX_MESSAGES_PER_STEP)
    ]
    engines = open_database(url), open_database(url)
    with closing(MessageStore(engines[0])) as store, closing(MessageStore(engines[1])):
        store.record_messages(young)
        both = [
            MessageRetention(engine, RetentionLimits(messages=0), lambda: NOW) for engine in engines
        ]
        with ThreadPoolExecutor(2) as pool:
            forgotten = list(
                pool.map(lambda engine: sum(iter(engine.delete_excess_messages, 0)), both)
            )
        assert sum(forgotten) == 4 * MAX_MESSAGES_PER_STEP
        assert store.measure_database_size().remembered == 4 * MAX_MESSAGES_PER_STEP
