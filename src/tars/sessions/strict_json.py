"""JSON from a file that nobody vouches for: what is doubtful or oversized is refused by name."""

import json
import math
import re
from typing import Any, NoReturn

#: Deeper than anything that is said of a session; Python's own limit is ten times as high.
DEEPEST = 100
#: More digits than any count has. What is longer takes long to read, and is a trap.
_DIGITS = 100
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class Doubtful(ValueError):
    """What is wrong with a JSON text. `position` is in characters, where it is known."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


def loads(text: str) -> Any:
    """Read a JSON text. Half a surrogate pair becomes U+FFFD, as it would in the store.

    Raises Doubtful for what is no JSON, for a key that stands twice in an object, for numbers
    that are none or too large, and for what is nested too deeply."""
    try:
        value = _DECODER.decode(_whole(text))
    except json.JSONDecodeError as error:
        raise Doubtful(error.msg, error.pos) from None
    except RecursionError:
        raise Doubtful("it is nested too deeply") from None
    if _deeper(value, DEEPEST):
        raise Doubtful("it is nested too deeply")
    return value


def dumps(value: object) -> str:
    """Write JSON on one line, as text that UTF-8 can have: half a surrogate pair is U+FFFD."""
    text = _ENCODER.encode(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _whole(text: str) -> str:
    """Replace the escapes of half pairs by one of the same length."""
    if not _HALF.search(text):
        return text
    return _ESCAPE.sub(lambda found: "\\ufffd" if found["half"] else found[0], text)


def _deeper(value: object, left: int) -> bool:
    """Look level by level: a call for each level would be bounded by Python's stack."""
    level = [value]
    while level and left:
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        left -= 1
    return any(isinstance(each, dict | list) for each in level)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Doubtful(f"the key {twice[:50]!r} stands twice in one object")
    return made


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise Doubtful(f"a number of {len(digits)} digits")
    return int(digits)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Doubtful(f"the number {text[:50]} is too large")
    return value


def _no_number(word: str) -> NoReturn:
    raise Doubtful(f"{word} is no number in JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_integer, parse_float=_float, parse_constant=_no_number
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
