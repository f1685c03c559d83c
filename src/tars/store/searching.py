"""Full text: the messages in which all the words of somebody's text occur.

A message can be found once it is whole and `index` was called. What is deleted, or written
over, leaves the index with it (see `text_index`).
"""

import re
import string
from collections.abc import Sequence

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    column,
    false,
    literal_column,
    select,
    table,
    text,
)

from tars.store.schema import messages
from tars.store.text_index import COLUMN
from tars.store.values import Words

#: More than this of a text is not looked for: nobody types as much.
_MOST_WORDS = 64
#: What a connection knows of a transaction that took something out of the index.
_UNSETTLED = "tars_unindexed"

_ADD = text(
    "INSERT INTO message_words (rowid, text) SELECT seq, text FROM whole_messages "
    "WHERE seq = :seq AND NOT EXISTS (SELECT 1 FROM message_words_docsize WHERE id = :seq)"
)
_REMOVE = text(
    "INSERT INTO message_words (message_words, rowid, text) "
    "SELECT 'delete', seq, text FROM whole_messages "
    "WHERE seq = :seq AND EXISTS (SELECT 1 FROM message_words_docsize WHERE id = :seq)"
)
_ERASE = text("INSERT INTO message_words (message_words) VALUES ('optimize')")
_EMPTY = text("INSERT INTO message_words (message_words) VALUES ('delete-all')")
_FILL = text("INSERT INTO message_words (message_words) VALUES ('rebuild')")

_WORDS_TABLE = table("message_words", column("rowid"), column("message_words"))
_SQLITE = (
    select(_WORDS_TABLE.c.rowid.label("seq"))
    .where(_WORDS_TABLE.c.message_words.op("MATCH")(bindparam("sought", type_=Words)))
    .order_by(_WORDS_TABLE.c.rowid.desc())
)
_POSTGRESQL = (
    select(messages.c.seq)
    .where(
        literal_column(f"messages.{COLUMN}").op("@@")(
            # SQLAlchemy's own to_tsquery wants its dialect imported before, by everybody.
            text("to_tsquery('simple', :sought)").bindparams(bindparam("sought", type_=Words))
        )
    )
    .order_by(messages.c.seq.desc())
)
_NONE = select(messages.c.seq).where(false())

#: What is between quotation marks, the last of which may be missing, or a word; and its star.
_TERM = re.compile(r'"([^"]*)(?:"|$)(\*?)|([^\s"]+)')
_NOT_WORDS = str.maketrans(dict.fromkeys((*string.punctuation, "\0"), " "))


def index(connection: Connection, seq: int) -> None:
    """Let a message be found from now on, if it is whole. Twice is once."""
    if _in_sqlite(connection):
        connection.execute(_ADD, {"seq": seq})


def index_all(connection: Connection, seqs: Sequence[int]) -> None:
    """Let several messages be found."""
    if seqs and _in_sqlite(connection):
        connection.execute(_ADD, [{"seq": seq} for seq in seqs])


def unindex(connection: Connection, seqs: Sequence[int]) -> None:
    """Take messages that are about to be deleted out of the index."""
    if seqs and _in_sqlite(connection):
        connection.execute(_REMOVE, [{"seq": seq} for seq in seqs])
        connection.info[_UNSETTLED] = True


def settle(connection: Connection) -> None:
    """Before a transaction is kept: let the disk forget the words that were taken out.

    The index only notes what is gone until it is written anew: two seconds for a million
    messages. (FTS5's own `secure-delete` does it at once, but leaves a file that SQLite
    before 3.42 cannot read.)
    """
    if _in_sqlite(connection) and connection.info.pop(_UNSETTLED, False):
        connection.execute(_ERASE)


def matching(connection: Connection, sought: str) -> Select[int]:
    """Give the select of the `seq` of every message that has all the words, newest first.

    Between quotation marks words stand one after another; a star at the end of a word stands
    for any end of it. Nothing else has a meaning: no text is a mistake, and one without a
    word is found nowhere. Case is ignored. Use it with a limit, or within another query.
    """
    terms = _terms(sought)
    if not terms:
        return _NONE
    if _in_sqlite(connection):
        words = " AND ".join(f'"{" ".join(words)}"{" *" * any_end}' for words, any_end in terms)
        return _SQLITE.params(sought=words)
    phrases = (" <-> ".join(f"'{word}'" for word in words) + ":*" * end for words, end in terms)
    return _POSTGRESQL.params(sought=" & ".join(f"({phrase})" for phrase in phrases))


def rebuild(connection: Connection) -> None:
    """Make the index anew, of all messages that are whole."""
    if _in_sqlite(connection):
        connection.execute(_EMPTY)
        connection.execute(_FILL)
    else:
        connection.execute(text("REINDEX INDEX ix_messages_words"))


def _terms(sought: str) -> list[tuple[tuple[str, ...], bool]]:
    """Take a person's text apart: words that follow each other, and whether the last may go on."""
    found = []
    for match in _TERM.finditer(sought.replace("\0", " ")):
        phrase, star, word = match.groups()
        said = word if phrase is None else phrase
        words = tuple(
            each for each in said.translate(_NOT_WORDS).split() if any(map(str.isalnum, each))
        )
        if words:
            found.append((words, star == "*" or (phrase is None and said.endswith("*"))))
    return found[:_MOST_WORDS]


def _in_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
