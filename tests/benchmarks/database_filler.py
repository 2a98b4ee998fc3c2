"""Fill a database with copies of messages that it already has.

Written with SQL, which takes tens of microseconds a message; the HTTP pipeline takes hundreds.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

# Of the first messages, the *copy*-th copy: other ids, other people, earlier by so many seconds.
COPY_STATEMENTS = (
    """
    INSERT INTO messages SELECT NULL, message_id || :mark, type, event,
      replace(user_id, 'user-', :people), anonymous_id || :mark,
      strftime('%Y-%m-%dT%H:%M:%fZ', received_at, :earlier), verdict, reason,
      replace(replace(sent, message_id, message_id || :mark), '"user-', '"' || :people),
      replace(replace(normalised, message_id, message_id || :mark), '"user-', '"' || :people),
      source, filtering FROM messages WHERE id <= :first
    """,
    """
    INSERT INTO deliveries (id, message_id, event, subscription, action_slug, verdict, reason,
      attempts, request, response, findings, code, upsert, batch, changes)
      SELECT NULL, message_id || :mark, event, subscription, action_slug,
      verdict, reason, attempts, request, response, findings, code, upsert, batch, changes
      FROM deliveries WHERE id <= :delivered
    """,
    """
    INSERT INTO profiles (number, id, identifiers, attributes, written, trail, created_at,
      updated_at) SELECT NULL, id || :mark, identifiers, attributes, written, trail,
      created_at, updated_at FROM profiles WHERE number <= :people_first
    """,
    """
    INSERT INTO identifiers SELECT identifier || :mark, profile_id || :mark FROM identifiers
      WHERE profile_id IN (SELECT id FROM profiles WHERE number <= :people_first)
    """,
    """
    INSERT INTO profile_events SELECT NULL, profile_id || :mark, fingerprint, name, sent_as,
      timestamp, occurred_at, params, received_at, skip_hook FROM profile_events
      WHERE number <= :happened
    """,
)
MAX_ID_QUERIES = {
    "first": "SELECT max(id) FROM messages",
    "delivered": "SELECT max(id) FROM deliveries",
    "people_first": "SELECT max(number) FROM profiles",
    "happened": "SELECT max(number) FROM profile_events",
}

# Each copy changes pages all over the indexes: these stay in memory, and nothing is to survive.
FAST_PRAGMAS = ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000")


class DatabaseFiller:
    """Copies the messages of *db*, a closed database, until it has enough."""

    def __init__(self, db: Path) -> None:
        self._db, self._copy_count = db, 0
        with closing(sqlite3.connect(db)) as connection:
            self._max_ids = {
                name: connection.execute(sql).fetchone()[0] for name, sql in MAX_ID_QUERIES.items()
            }

    def fill_to(self, count: int) -> int:
        """Add copies until there are about *count* messages; return the real number."""
        with closing(sqlite3.connect(self._db)) as connection:
            for pragma in FAST_PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            (stored_count,) = connection.execute("SELECT count(*) FROM messages").fetchone()
            with connection:
                while stored_count + self._max_ids["first"] <= count:
                    self._copy_messages(connection)
                    stored_count += self._max_ids["first"]
            connection.execute("PRAGMA journal_mode=WAL")
        return int(stored_count)

    def _copy_messages(self, connection: sqlite3.Connection) -> None:
        self._copy_count += 1
        values = self._max_ids | {
            "mark": f"~{self._copy_count}",
            "people": f"user{self._copy_count}-",
            "earlier": f"-{100_000 - self._copy_count} seconds",
        }
        for statement in COPY_STATEMENTS:
            connection.execute(statement, values)
