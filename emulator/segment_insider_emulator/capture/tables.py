"""Where messages and deliveries are kept. Ids grow in the order of capture and never repeat."""

from sqlalchemy import Boolean, Column, Index, Table, Text

from segment_insider_emulator.capture.database import Int64, JsonText, metadata

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
