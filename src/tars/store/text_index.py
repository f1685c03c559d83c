"""The full-text index over the messages, as the database keeps it. What searches is `searching`.

SQLite has a table of its own for it, which takes the words from a view instead of keeping them
a second time; so it has to be told the old text when that goes, and triggers see to it.
PostgreSQL keeps a column and an index of it by itself.
"""

from sqlalchemy import Connection, MetaData, event, text

#: How many characters of a message can be found. PostgreSQL takes no more than a megabyte.
FOUND_CHARACTERS = 100_000

#: PostgreSQL sees paths, addresses, numbers and tags where SQLite sees words. Without these
#: characters it sees words too.
_SEPARATORS = r"""!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~"""
_BLANKS = " " * (len(_SEPARATORS) - 1)

#: The column of PostgreSQL's by which a message is found; it has words once the message is whole.
#: It is kept, because it takes seconds to make that of many messages, as phrases need it.
COLUMN = "words"
_WORDS = (
    f"to_tsvector('simple', translate(left(text, {FOUND_CHARACTERS}), "
    f"'{_SEPARATORS}', '{_BLANKS}'))"
)

_INDEXED = "EXISTS (SELECT 1 FROM message_words_docsize WHERE id = old.seq)"
_FORGET = (
    "INSERT INTO message_words (message_words, rowid, text) "
    f"VALUES ('delete', old.seq, substr(old.text, 1, {FOUND_CHARACTERS}))"
)

SQLITE = (
    f"CREATE VIEW whole_messages AS SELECT seq, substr(text, 1, {FOUND_CHARACTERS}) AS text "
    "FROM messages WHERE ended_at IS NOT NULL",
    "CREATE VIRTUAL TABLE message_words USING fts5("
    "text, content='whole_messages', content_rowid='seq', "
    'tokenize="unicode61 remove_diacritics 0")',
    f"CREATE TRIGGER message_deleted AFTER DELETE ON messages WHEN {_INDEXED} BEGIN {_FORGET}; END",
    "CREATE TRIGGER message_changed AFTER UPDATE OF text, ended_at ON messages "
    f"WHEN {_INDEXED} BEGIN {_FORGET}; "
    "INSERT INTO message_words (rowid, text) "
    "SELECT seq, text FROM whole_messages WHERE seq = new.seq; END",
)
POSTGRESQL = (
    f"ALTER TABLE messages ADD COLUMN {COLUMN} tsvector "
    f"GENERATED ALWAYS AS (CASE WHEN ended_at IS NOT NULL THEN {_WORDS} END) STORED",
    f"CREATE INDEX ix_messages_{COLUMN} ON messages USING gin ({COLUMN})",
)


def attach(metadata: MetaData) -> None:
    """Let the index be made when the tables are."""
    event.listen(metadata, "after_create", _made)


def make(connection: Connection) -> None:
    """Make the index in a database whose tables are there."""
    for statement in SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL:
        connection.execute(text(statement))


def _made(_metadata: MetaData, connection: Connection, **_how: object) -> None:
    make(connection)
