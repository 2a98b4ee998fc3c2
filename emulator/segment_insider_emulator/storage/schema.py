"""What the database does by itself when rows come and go.

New databases and the step that brought it to older ones have the same statements. Whoever changes
one leaves it as it is, writes another beside it, and has a step put that in its place.
"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text

metadata = MetaData()
# 64 bits, which SQLite calls INTEGER: only so does it number rows.
Int64 = BigInteger().with_variant(Integer, "sqlite")


class JsonText(Text):
    """The type of a column whose text is JSON: exports have the value that it stands for."""


_INCREMENT_COUNT_SQLITE = """
INSERT INTO message_counts VALUES (substr(NEW.received_at, 1, 19), NEW.verdict, 1)
ON CONFLICT (second, verdict) DO UPDATE SET number = number + 1
"""
_DECREMENT_COUNT_SQLITE = """
UPDATE message_counts SET number = number - 1
WHERE second = substr(OLD.received_at, 1, 19) AND verdict = OLD.verdict
"""
# Into `message_counts`, by kind of database.
MESSAGE_COUNT_TRIGGERS: Final = {
    "sqlite": (
        f"CREATE TRIGGER message_came AFTER INSERT ON messages BEGIN {_INCREMENT_COUNT_SQLITE}; END",
        f"CREATE TRIGGER message_went AFTER DELETE ON messages BEGIN {_DECREMENT_COUNT_SQLITE}; END",
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

messages = Table(
    "messages",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("message_id", Text, nullable=False, index=True),
    Column("type", Text),
    Column("event", Text, index=True),
    Column("user_id", Text, index=True),
    Column("anonymous_id", Text, index=True),
    Column("received_at", Text, nullable=False),  # ISO 8601, UTC, milliseconds
    Column("verdict", Text, nullable=False, index=True),
    Column("reason", Text),
    Column("sent", JsonText, nullable=False),  # JSON object
    Column("normalised", JsonText, nullable=False),  # JSON object
    Column("source", Text),  # its name in the workspace
    Column("filtering", JsonText),  # JSON object
    Index("messages_counted", "received_at", "verdict"),
    sqlite_autoincrement=True,
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
    Column("attempts", JsonText, nullable=False),  # JSON list, durations in milliseconds
    Column("request", JsonText),  # JSON object, the token redacted
    Column("response", JsonText),  # JSON object
    Column("findings", JsonText, nullable=False),  # JSON list
    Column("code", Text),
    Column("upsert", Text, index=True),
    Column("batch", JsonText),  # JSON object
    Column("changes", JsonText),  # JSON list
    Index("deliveries_taken", "subscription", "message_id"),
    sqlite_autoincrement=True,
)

upserts = Table(
    "upserts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request", JsonText, nullable=False),  # JSON object, the token redacted
    Column("response", JsonText),  # JSON object
    Column("attempts", JsonText, nullable=False),  # JSON list
    Column("due_at", Text, index=True),  # ISO 8601, UTC, milliseconds; null when settled
    Column("batched", Boolean, nullable=False),
    Column("notes", JsonText, nullable=False),  # JSON object
)

# Messages that were acknowledged and wait for their deliveries.
queued_messages = Table(
    "waiting",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("message", JsonText, nullable=False),  # JSON object
    Column("begun", Int64),  # how many processes began to deliver it; null for none
    sqlite_autoincrement=True,
)

# Ids of messages that retention took away, as long as duplicates of them are dropped.
forgotten_message_ids = Table(
    "forgotten",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("message_id", Text, nullable=False, index=True),
    Column("received_at", Text, nullable=False, index=True),  # ISO 8601, UTC, milliseconds
    sqlite_autoincrement=True,
)

differences = Table(
    "differences",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("signature", Text, nullable=False, unique=True),  # one row for each kind
    Column("times", Int64, nullable=False),
    Column("at", Text, nullable=False),  # ISO 8601, UTC, of the first
    Column("document", JsonText, nullable=False),  # JSON object
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
    Column("created_at", Text, nullable=False),  # ISO 8601, UTC, milliseconds
    Column("created_by", Text),  # a role
    Column("revoked_at", Text),  # ISO 8601, UTC, milliseconds
    sqlite_autoincrement=True,
)

# One row at most: what was changed of the workspace file's destination.
destination_changes = Table(
    "destination_changes",
    metadata,
    Column("basis", Text, primary_key=True),  # fingerprint of what the changes were made to
    Column("changes", Text, nullable=False),  # JSON object; holds the key, which Segment sends
)
