"""What Goose's database says.

A row of `sessions` has what the whole session used, as sums that grow: `accumulated_*_tokens`,
beside `input_tokens` and the like, which are those of the last request. So a session is one row
with an unknown number of requests, all at the time of the last change that there was when it was
first read. Whether a part of the input came from a cache is not told.
"""

import math
import sqlite3

import msgspec

from tars.accounting.rates import DOLLAR
from tars.history import databases
from tars.history.decoding import UNDECODABLE
from tars.history.source import Found, Mark, Reading, Request
from tars.history.timestamps import milliseconds
from tars.protocols.counts import Count

_NEEDED = ("id", "accumulated_input_tokens", "accumulated_output_tokens")
_MORE = (
    "accumulated_cost",
    "created_at",
    "description",
    "model_config_json",
    "name",
    "provider_name",
    "session_type",
    "updated_at",
    "working_dir",
)


def read(found: Found) -> Reading:
    """Read the database, whole."""
    reading = Reading(Mark(found.size))
    try:
        with databases.opened(found.path) as connection:
            for row in databases.rows(connection, "sessions", _NEEDED, _MORE):
                _add(reading, row)
    except databases.Foreign as error:
        reading.problem = str(error)
    return reading


class _Session(msgspec.Struct):
    id: str
    accumulated_input_tokens: Count | None
    accumulated_output_tokens: Count | None


class _Model(msgspec.Struct):
    model_name: str | None = None


def _add(reading: Reading, row: sqlite3.Row) -> None:
    try:
        session = msgspec.convert(dict(row), _Session)
    except msgspec.ValidationError:
        reading.garbled += 1
        return
    read, written = session.accumulated_input_tokens, session.accumulated_output_tokens
    if title := row["name"] or row["description"]:
        reading.titles[session.id] = str(title)
    if not read and not written:
        return
    at = milliseconds(str(row["updated_at"] or row["created_at"]))
    if at is None:
        reading.garbled += 1
        return
    reading.requests.append(
        Request(
            key=session.id,
            session=session.id,
            at=at,
            model=_model(row["model_config_json"]),
            net_input=read or 0,
            output=written or 0,
            provider=str(row["provider_name"] or ""),
            project=str(row["working_dir"] or ""),
            rank=(read or 0) + (written or 0),
            cost=_cost(row["accumulated_cost"]),
            sidechain=row["session_type"] == "sub_agent",
            requests=0,
        )
    )


def _model(config: object) -> str:
    try:
        told = msgspec.json.decode(str(config or "{}"), type=_Model)
    except UNDECODABLE:
        return "unknown"
    return told.model_name or "unknown"


def _cost(dollars: object) -> int | None:
    if not isinstance(dollars, float | int) or not 0 < dollars < math.inf:
        return None
    return round(dollars * DOLLAR)
