"""Tables of what the two panels set: integrations in InOne, the destination in Segment."""

from sqlalchemy import Column, Table, Text

from segment_insider_emulator.capture.database import Int64, metadata

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
