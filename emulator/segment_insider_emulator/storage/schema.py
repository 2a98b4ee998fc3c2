"""All database tables, their column types, and the triggers that count messages."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    event,
)
from sqlalchemy.types import TypeDecorator

from segment_insider_emulator.json_text import (
    decode_attributes,
    decode_optional_json,
    encode_json,
    encode_optional_json,
)

metadata = MetaData()
# 64 bits, which SQLite calls INTEGER: SQLite generates numbers for no other type.
Int64 = BigInteger().with_variant(Integer, "sqlite")


class JsonText(TypeDecorator[Any]):
    """Database column type of JSON values stored as text; None is stored as NULL."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        return encode_optional_json

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:
        return decode_optional_json


class AttributesText(JsonText):
    """Database column type of the attributes of a profile, stored as JSON text."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:
        return decode_attributes


class RequiredJsonText(JsonText):
    """Database column type of JSON values stored as text; None is stored as JSON null."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        return encode_json


# Times are ISO 8601 in UTC with milliseconds, so that they sort as text.

messages = Table(
    "messages",
    metadata,
    Column("id", Int64, primary_key=True),  # grows in commit order and never repeats
    Column("message_id", Text, nullable=False, index=True),
    Column("type", Text),
    Column("event", Text, index=True),
    Column("user_id", Text, index=True),
    Column("anonymous_id", Text, index=True),
    Column("received_at", Text, nullable=False),
    Column("verdict", Text, nullable=False, index=True),
    Column("reason", Text),
    Column("sent", JsonText, nullable=False),  # object
    Column("normalised", JsonText, nullable=False),  # object
    Column("source", Text),  # its name in the workspace
    Column("filtering", JsonText),  # object
    Index("messages_counted", "received_at", "verdict"),
    sqlite_autoincrement=True,
)
# Counted by triggers: counting a million messages for each page would take most of a second.
message_counts = Table(
    "message_counts",
    metadata,
    Column("second", Text, primary_key=True),  # the time without milliseconds and zone
    Column("verdict", Text, primary_key=True),
    Column("number", Int64, nullable=False),
    sqlite_with_rowid=False,
)
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("message_id", Text, nullable=False, index=True),
    Column("event", Text),
    Column("subscription", Text, nullable=False),
    Column("action_slug", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text),
    Column("attempts", JsonText, nullable=False),  # list; durations in milliseconds
    Column("request", JsonText),  # object; the token is redacted
    Column("response", JsonText),  # object
    Column("findings", JsonText, nullable=False),  # list
    Column("code", Text),
    Column("upsert", Text, index=True),
    Column("batch", JsonText),  # object
    Column("changes", JsonText),  # list
    Column("profile_id", Text),  # of the first change
    Column("profile_change", Int64),  # its number in the history of that profile
    Index("deliveries_taken", "subscription", "message_id"),
    Index("deliveries_of_profile", "profile_id", "profile_change"),
    sqlite_autoincrement=True,
)
upserts = Table(
    "upserts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request", JsonText, nullable=False),  # object; the token is redacted
    Column("response", JsonText),  # object
    Column("attempts", JsonText, nullable=False),  # list
    Column("due_at", Text, index=True),  # NULL when finished
    Column("batched", Boolean, nullable=False),
    Column("notes", JsonText, nullable=False),  # object
)
# Messages that were acknowledged but not yet delivered.
queued_messages = Table(
    "waiting",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("message", JsonText, nullable=False),  # object
    Column("begun", Int64),  # how many processes began to deliver it
    sqlite_autoincrement=True,
)
# Ids of messages that retention deleted, as long as their duplicates are dropped.
forgotten_message_ids = Table(
    "forgotten",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("message_id", Text, nullable=False, index=True),
    Column("received_at", Text, nullable=False, index=True),
    sqlite_autoincrement=True,
)
differences = Table(
    "differences",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("signature", Text, nullable=False, unique=True),  # one row for each kind
    Column("times", Int64, nullable=False),
    Column("at", Text, nullable=False),  # of the first
    Column("document", JsonText, nullable=False),  # object
    sqlite_autoincrement=True,
)

profiles = Table(
    "profiles",
    metadata,
    Column("number", Int64, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("identifiers", JsonText, nullable=False),  # type -> values
    Column("attributes", AttributesText, nullable=False),  # path -> value
    Column("written", JsonText, nullable=False),  # path -> time
    Column("trail", JsonText, nullable=False),  # list
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Column("change_count", Int64),  # rows of its history so far; NULL before there was one
    sqlite_autoincrement=True,
)
identifiers = Table(
    "identifiers",
    metadata,
    Column("identifier", Text, primary_key=True),  # "uuid:u1": one profile owns it
    Column("profile_id", Text, nullable=False, index=True),
)
profile_events = Table(
    "profile_events",
    metadata,
    Column("number", Int64, primary_key=True),
    Column("profile_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sent_as", Text, nullable=False),
    Column("timestamp", Text, nullable=False),  # as sent
    Column("occurred_at", Text, nullable=False),
    Column("params", JsonText, nullable=False),  # object
    Column("received_at", Text, nullable=False),
    Column("skip_hook", Boolean, nullable=False),
    Index("profile_events_once", "profile_id", "fingerprint", unique=True),
    sqlite_autoincrement=True,
)
# One row for each request that changed a profile.
profile_history = Table(
    "profile_history",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("profile_id", Text, nullable=False),  # as it was then, also of a merged profile
    Column("number", Int64, nullable=False),  # 1 for the first change of the profile
    Column("at", Text, nullable=False),
    Column("changes", JsonText, nullable=False),  # object
    Column("state", JsonText),  # object: the profile after the change, in some rows
    Column("merged_into", Text),  # the profile that now has its data, in a last row
    Index("profile_history_of", "profile_id", "number", unique=True),
    sqlite_autoincrement=True,
)
# Not an `Index` with a condition, for which SQLAlchemy loads the dialects of all databases.
PROFILE_HISTORY_MERGED_INDEX: Final = (
    "CREATE INDEX profile_history_merged ON profile_history (merged_into)"
    " WHERE merged_into IS NOT NULL"
)

journey_runs = Table(
    "journey_runs",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("journey_id", Int64, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("entered_at", Text, nullable=False),
    Column("mark", Text, nullable=False),
    Column("element", Text),  # NULL is the end
    Column("due_at", Text, index=True),  # NULL once ended
    Column("status", Text, nullable=False),
    Column("ended_at", Text),
    Column("watched_until", Text),
    Column("goals", JsonText, nullable=False),  # list
    Index("journey_runs_of", "profile_id", "journey_id"),
    Index("journey_runs_in", "journey_id", "status"),
    sqlite_autoincrement=True,
)
journey_trails = Table(
    "journey_trails",
    metadata,
    Column("number", Int64, primary_key=True),
    Column("run_id", Int64, nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("element", Text),
    Column("details", JsonText, nullable=False),  # object
    sqlite_autoincrement=True,
)

integrations = Table(
    "integrations",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("origin", Text, nullable=False),  # "panel" or "workspace"
    Column("key_digest", Text, nullable=False, unique=True),  # SHA-256, hexadecimal
    Column("key_shown", Text, nullable=False),  # redacted
    Column("created_at", Text, nullable=False),
    Column("created_by", Text),  # a role
    Column("revoked_at", Text),
    sqlite_autoincrement=True,
)
# At most one row: the changes to the workspace file's destination.
destination_changes = Table(
    "destination_changes",
    metadata,
    Column("basis", Text, primary_key=True),  # fingerprint of the unchanged destination
    Column("changes", JsonText, nullable=False),  # object; has the API key that Segment sends
)

sandboxes = Table(
    "sandboxes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", RequiredJsonText, nullable=False),  # null, a preset's name, or a document
    Column("write_key", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("key", Text, nullable=False),  # of the account
    Column("created_at", Text, nullable=False),
    Column("team", Text),  # its owner; NULL for the emulator's operator
    Column("used_at", Text),  # about; NULL until first used
)
# States that all processes on one PostgreSQL database share.
shared_states = Table(
    "shared",
    metadata,
    Column("name", Text, primary_key=True),  # e.g. "clock"
    # Random for each change: the revision of a transaction that was rolled back never returns.
    Column("revision", Text, nullable=False),
    Column("state", JsonText, nullable=False),  # object
)
scenario_runs = Table(
    "scenario_runs",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("run", JsonText, nullable=False),  # object
    sqlite_autoincrement=True,
)

# Migrations use these statements, too: never change one, but add another and a migration that
# replaces it.
_INCREMENT_COUNT_SQLITE = """
INSERT INTO message_counts VALUES (substr(NEW.received_at, 1, 19), NEW.verdict, 1)
ON CONFLICT (second, verdict) DO UPDATE SET number = number + 1
"""
_DECREMENT_COUNT_SQLITE = """
UPDATE message_counts SET number = number - 1
WHERE second = substr(OLD.received_at, 1, 19) AND verdict = OLD.verdict
"""
MESSAGE_COUNT_TRIGGERS: Final = {  # by kind of database
    "sqlite": (
        "CREATE TRIGGER message_came AFTER INSERT ON messages"
        f" BEGIN {_INCREMENT_COUNT_SQLITE}; END",
        "CREATE TRIGGER message_went AFTER DELETE ON messages"
        f" BEGIN {_DECREMENT_COUNT_SQLITE}; END",
        "CREATE TRIGGER message_changed AFTER UPDATE OF received_at, verdict ON messages"
        f" BEGIN {_DECREMENT_COUNT_SQLITE}; {_INCREMENT_COUNT_SQLITE}; END",
    ),
    "postgresql": (
        """
        CREATE FUNCTION count_message() RETURNS trigger LANGUAGE plpgsql
        SET search_path FROM CURRENT AS $$ BEGIN
          IF TG_OP <> 'INSERT' THEN
            UPDATE message_counts SET number = number - 1
            WHERE second = substr(OLD.received_at, 1, 19) AND verdict = OLD.verdict;
          END IF;
          IF TG_OP <> 'DELETE' THEN
            INSERT INTO message_counts VALUES (substr(NEW.received_at, 1, 19), NEW.verdict, 1)
            ON CONFLICT (second, verdict) DO UPDATE SET number = message_counts.number + 1;
          END IF;
          RETURN NULL;
        END $$
        """,
        "CREATE TRIGGER message_counted AFTER INSERT OR DELETE OR UPDATE OF received_at, verdict"
        " ON messages FOR EACH ROW EXECUTE FUNCTION count_message()",
    ),
}


@event.listens_for(metadata, "after_create")
def _create_triggers_and_indexes(_metadata: object, connection: Connection, **_: Any) -> None:
    triggers = MESSAGE_COUNT_TRIGGERS[connection.dialect.name]
    for statement in (*triggers, PROFILE_HISTORY_MERGED_INDEX):
        connection.exec_driver_sql(statement)
