"""What the database does by itself when rows come and go.

New databases and the step that brought it to older ones have the same statements. Whoever changes
one leaves it as it is, writes another beside it, and has a step put that in its place.
"""

from typing import Final

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
