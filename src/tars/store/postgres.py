"""PostgreSQL: how its database is opened, and what its errors mean. `engine` alone uses this.

psycopg is an extra and is loaded when a database is opened. Nothing here says a password:
not an error, not a log, not a `repr`.
"""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from tars.errors import StoreError

DIALECT = "postgresql"
_DRIVER = "postgresql+psycopg"
_SCHEMES = ("postgresql", "postgres", _DRIVER)

#: What is asked of the connection unless the URL says otherwise: whether the server is still
#: there has to be known within seconds, also where a network swallows the packets.
_DEFAULTS = {
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "application_name": "tars",
    "client_encoding": "utf8",
}
#: A process that was stopped in the midst must not hold up all the others for ever.
_IDLE_SECONDS = 60
#: Of nobody else, it is to be hoped: "tars" in ASCII.
_LOCK = 0x74617273

_HOSTS = re.compile(r"[\w.\-:%,\[\]/]*")
_URL = "postgresql://USER:PASSWORD@HOST/DATABASE"
_MEND = "Mend `url` in the [store] table of config.toml."

#: By the class or the whole of the SQLSTATE: why, and what to do.
_SENTENCES = {
    "28": ("the database refuses this user or password", _MEND),
    "3D": ("there is no database of this name", f"Make it with `createdb`. Or: {_MEND}"),
    "42501": (
        "this user lacks rights in the database",
        "Let it be the owner of the database, or grant it ALL ON SCHEMA public.",
    ),
    "53": ("the server of the database is out of memory or room", "Look at its log."),
    "53100": ("the disk of the database is full", "Free some space there."),
    "55P03": ("the database is locked by another program", "End the program that has it open."),
    "25006": ("the database is read-only", "Name the server that may be written to."),
    "40": ("somebody else changed the same just now", "Try again."),
    "22021": ("the text holds a character that the database does not take", ""),
    "XX": ("the database is damaged", "Look at the log of its server."),
}
#: The server is there and will be of use later, or the connection is not.
_AWAY = ("08", "57P", "53300", "25P03")
#: A connection that is refused has no SQLSTATE, only the words of a server that speaks English.
_REFUSALS = (
    (("starting up", "shutting down", "in recovery", "too many", "remaining connection"), "08"),
    (("permission denied",), "42501"),
    (("password", "no pg_hba.conf entry", "role ", "authentication failed"), "28"),
    (("database ",), "3D"),
)
#: What no waiting mends, though no server said it.
_SETTINGS = ("SSL", "certificate", "invalid ", "Permission denied", "no password supplied")


class Unreachable(StoreError):
    """The connection to the database is gone, or there is none. Nobody knows whether a commit
    that was under way was kept."""


def engine(url: str, busy_seconds: float, reads: Callable[[Connection], bool]) -> Engine:
    """Give the engine of the database that a URL names. `reads` says of a connection whether
    its next transaction only reads. Raises StoreError."""
    parsed = _parsed(url)
    try:
        import psycopg
    except ImportError:
        raise StoreError(
            "The store cannot be opened: what speaks with PostgreSQL is not installed.",
            advice="Run `pip install 'tars-supervisor[postgres]'`.",
        ) from None

    def prepare(connection: "psycopg.Connection[Any]", _record: object) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StoreError(
                f"The store cannot be opened: the database keeps its text as {encoding}.",
                advice="Make one with `createdb --encoding=UTF8 --template=template0`.",
            )
        connection.autocommit = True
        connection.execute(
            f"SET lock_timeout = {max(1, round(busy_seconds * 1000))}; "
            f"SET idle_in_transaction_session_timeout = {_IDLE_SECONDS * 1000}"
        )
        connection.autocommit = False

    def begin(connection: Connection) -> None:
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        if raw.closed:
            # The first statement says so, and the connection is made anew.
            return
        levels = psycopg.IsolationLevel
        raw.read_only = reads(connection)
        # Whoever writes says what is to be added, and so counts what others wrote meanwhile.
        raw.isolation_level = levels.REPEATABLE_READ if raw.read_only else levels.READ_COMMITTED

    made = create_engine(
        parsed,
        poolclass=NullPool,
        # An error's text must not quote a prompt.
        hide_parameters=True,
        use_native_hstore=False,
        connect_args={k: v for k, v in _DEFAULTS.items() if k not in parsed.query},
    )
    event.listen(made, "connect", prepare)
    event.listen(made, "begin", begin)
    return made


def lock(connection: Connection) -> None:
    """Be the only one until the transaction ends who wants to be the only one."""
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


def raised(cause: BaseException | None) -> bool:
    """Whether it is an error of psycopg's."""
    return type(cause).__module__.partition(".")[0] == "psycopg"


def store_error(action: str, cause: Any, *, lost: bool) -> StoreError:
    """Say in a sentence why the store cannot `action`. `lost`: the connection is gone."""
    code = cause.sqlstate or _refusal(cause)
    if lost or code.startswith(_AWAY):
        return Unreachable(
            f"The store cannot {action}: the database cannot be reached ({_reason(cause)}).",
            advice="See whether its server runs.",
        )
    why, advice = _SENTENCES.get(code) or _SENTENCES.get(code[:2]) or (_reason(cause), "")
    return StoreError(f"The store cannot {action}: {why}.", advice=advice)


def _parsed(url: str) -> URL:
    """Read a URL. What is wrong with one is not quoted: it may be a part of the password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if (
        parsed is None
        or parsed.drivername not in _SCHEMES
        or not _HOSTS.fullmatch(parsed.host or "")
        or any(each in (parsed.database or "") for each in "@/:")
    ):
        raise StoreError(
            f"The store cannot be opened: its URL is none like {_URL}.",
            advice="In a password %40 stands for @, %3A for :, %2F for / and %25 for %.",
        )
    return parsed.set(drivername=_DRIVER)


def _refusal(cause: Any) -> str:
    """Give the SQLSTATE that a refused connection would have: 08 where nobody answered."""
    import psycopg

    words = str(cause)
    if not isinstance(cause, psycopg.OperationalError) or any(w in words for w in _SETTINGS):
        return ""
    fatal = words.partition("FATAL:")[2]
    if not fatal:
        return "08"
    return next((code for some, code in _REFUSALS if any(w in fatal for w in some)), "")


def _reason(cause: Any) -> str:
    """Give the first line of what the server or the driver says: the rest may quote a row."""
    said = cause.diag.message_primary or str(cause)
    first = said.strip().partition("\n")[0].removeprefix("connection failed: ")
    return first.rstrip(".") or type(cause).__name__
