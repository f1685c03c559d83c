"""docs/control-api.md, made from the contract: `python -m tars.control.reference`.

A test compares the page with what this module gives, so the page cannot grow old.
"""

import inspect
import sys
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import get_args, get_origin

import msgspec

from tars.control.contract import MAX_BODY, Error, Wire
from tars.control.error_answers import ANSWERS, HTTP_CODES
from tars.control.routes import ROUTES, Route

INTRODUCTION = f"""\
# The control channel

The daemon answers HTTP/1.1 on the Unix socket `~/.tars/run/tars.sock` (`TARS_HOME` moves
it). Only its owner and root may connect; anybody else is disconnected without an answer.
This page is made from `tars/control/routes.py` and the contracts beside it.

```sh
curl --unix-socket ~/.tars/run/tars.sock http://tars/v1/status
curl --unix-socket ~/.tars/run/tars.sock 'http://tars/v1/status?format=text'
curl --unix-socket ~/.tars/run/tars.sock -N http://tars/v1/prompt -d '{{"text": "Say hello"}}'
curl --unix-socket ~/.tars/run/tars.sock -X POST http://tars/v1/cancel
curl --unix-socket ~/.tars/run/tars.sock 'http://tars/v1/logs?lines=20'
```

## Rules

- Bodies are JSON in UTF-8; names are camelCase; times are ISO 8601 in UTC; a duration says
  its unit in its name. The content type of a request is not looked at.
- An answer may grow new fields: ignore what you do not know. A *request* with a field or a
  query parameter that is not known here is refused, so that a misspelling shows.
- A request's body may hold {MAX_BODY // 1024**2} MiB and has 30 seconds to arrive. A body that
  may be left out stands for `{{}}`.
- A stream is `text/event-stream`: `event: NAME`, `data: JSON` on one line, an empty line. A
  line that begins with a colon is a comment; one comes after 15 seconds of silence.
- Who reads a stream too slowly loses the oldest events and gets `lagged` in their place. The
  `turn` event that ends a prompt's stream is never lost, and holds the whole answer.
- A client that goes away cancels nothing: its prompt runs on, and its result is recorded.
- `POST /v1/prompt` with `"wait": false` answers 202 with `Accepted` instead of a stream.
"""

_WORDS: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    object: "anything",
    NoneType: "null",
}


def page() -> str:
    """Give the whole page as Markdown."""
    parts = [
        INTRODUCTION,
        "## Requests\n",
        *(_route(route) for route in ROUTES),
        "## Errors\n",
        _errors(),
        "## Messages\n",
        *(_message(kind) for kind in messages()),
    ]
    return "\n".join(parts)


def messages() -> list[type[Wire]]:
    """Give every message that the routes and the errors lead to, by name."""
    found: set[type[Wire]] = set()
    waiting: list[type[Wire]] = [Error]
    for route in ROUTES:
        waiting += [route.answer, *(kind for _, kind in route.stream)]
        waiting += [] if route.request is None else [route.request]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += [
                part for field in msgspec.structs.fields(kind) for part in _wires(field.type)
            ]
    return sorted(found, key=lambda kind: kind.__name__)


def _route(route: Route) -> str:
    lines = [f"### {route.method} {route.path}\n", f"{route.summary}\n"]
    if route.request is not None:
        lines.append(f"- Body: {_link(route.request)}")
    lines += [f"- Query `{name}`: {meaning}" for name, meaning in route.query]
    if route.stream:
        events = ", ".join(f"`{name}` {_link(kind)}" for name, kind in route.stream)
        lines.append(f"- Answer: a stream of {events}")
    else:
        lines.append(f"- Answer: {_link(route.answer)}")
    return "\n".join(lines) + "\n"


def _errors() -> str:
    lines = [
        "Every answer that is not a success has the body "
        '`{"error": {"code": …, "message": …, "advice": …}}`: a stable word, what happened,',
        "and what to do about it, or nothing.\n",
        "| status | code | when |",
        "|---|---|---|",
    ]
    told: set[str] = set()
    for kind, (status, code) in ANSWERS.items():
        if code not in told and status != 500:
            told.add(code)
            lines.append(f"| {status} | `{code}` | {documentation(kind)} |")
    meanings = {
        500: "A fault of tars. `tars logs` shows it.",
        404: "There is no such path.",
        405: "The path is known by another method.",
        408: "The body did not arrive in time.",
        413: "The body is too large. It was not read, and the connection is closed.",
    }
    lines += [f"| {s} | `{HTTP_CODES[s]}` | {meaning} |" for s, meaning in meanings.items()]
    return "\n".join(lines) + "\n"


def _message(kind: type[Wire]) -> str:
    fields = msgspec.structs.fields(kind)
    meaning = documentation(kind).replace(" None", " null")
    for field in fields:
        meaning = meaning.replace(f"`{field.name}`", f"`{field.encode_name}`")
    lines = [f"### {kind.__name__}\n", f"{meaning}\n"]
    if fields:
        lines += ["| field | type | if left out |", "|---|---|---|"]
        lines += [f"| `{f.encode_name}` | {_type(f.type)} | {_default(f)} |" for f in fields]
    return "\n".join(lines) + "\n"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default_factory()).decode()}`"
    if field.default is msgspec.UNSET:
        return "is not there"
    return f"`{msgspec.json.encode(field.default).decode()}`"


def _type(kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, Wire):
        return _link(kind)
    if isinstance(kind, UnionType):
        return " or ".join(_type(part) for part in get_args(kind) if part is not msgspec.UnsetType)
    if get_origin(kind) is list:
        return f"list of {_type(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return "object"
    return _WORDS[kind]


def _wires(kind: object) -> Iterator[type[Wire]]:
    """Find the messages inside a field's type."""
    if isinstance(kind, type) and issubclass(kind, Wire):
        yield kind
    for part in get_args(kind):
        yield from _wires(part)


def _link(kind: type[Wire]) -> str:
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def documentation(kind: type) -> str:
    """Give the first paragraph of a class's own docstring, or nothing; never an inherited one."""
    text = kind.__dict__.get("__doc__") or ""
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split()).replace("``", "`")


if __name__ == "__main__":
    sys.stdout.write(page())
