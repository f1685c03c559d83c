"""How often each session used each kind of tool, and changed each file.

Counted when a turn is finished, so that nobody has to go through a million tool calls to say
which are used most.
"""

from sqlalchemy import Connection, text

#: The kinds of tools that change the files that they name.
MODIFYING = ("edit", "delete", "move")

_KINDS = ", ".join(f"'{kind}'" for kind in MODIFYING)


def _tools(calls: str) -> str:
    return (
        "INSERT INTO session_tools (session, kind, calls) "
        f"SELECT :session, kind, count(*) FROM tool_calls WHERE {calls} GROUP BY kind "
        "ON CONFLICT (session, kind) DO UPDATE SET calls = session_tools.calls + excluded.calls"
    )


def _files(calls: str) -> str:
    return (
        "INSERT INTO session_files (session, path, changes) "
        "SELECT :session, path, count(*) FROM tool_calls "
        "JOIN tool_files ON tool_files.tool_call = tool_calls.seq "
        f"WHERE {calls} AND kind IN ({_KINDS}) GROUP BY path "
        "ON CONFLICT (session, path) "
        "DO UPDATE SET changes = session_files.changes + excluded.changes"
    )


_OF_TURN, _OF_SESSION = "tool_calls.turn = :turn", "tool_calls.session = :session"
_ADD = (text(_tools(_OF_TURN)), text(_files(_OF_TURN)))
_COUNT = (text(_tools(_OF_SESSION)), text(_files(_OF_SESSION)))
_FORGET = tuple(
    text(f"DELETE FROM {table} WHERE session = :session")
    for table in ("session_tools", "session_files")
)


def add_turn(connection: Connection, session_seq: int, turn: str) -> None:
    """Add the tool calls of a turn that ended, once, when all of them are there."""
    for statement in _ADD:
        connection.execute(statement, {"session": session_seq, "turn": turn})


def recount(connection: Connection, session_seq: int) -> None:
    """Count a session's tool calls anew, after some came in or went in another way."""
    for statement in (*_FORGET, *_COUNT):
        connection.execute(statement, {"session": session_seq})
