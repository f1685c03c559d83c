"""Files of environment variables: ``KEY=VALUE`` lines that only their owner can read."""

import json
import re
from pathlib import Path

from tars.config_faults import OTHERS_CAN_READ, read_text
from tars.errors import ConfigInvalid

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_QUOTED = {'"': re.compile(r'"(?:[^"\\]|\\.)*"'), "'": re.compile(r"'[^']*'")}
_REST = re.compile(r"\s*(?:#.*)?")
# Within a word # is a character like any other, as in a shell.
_COMMENT = re.compile(r"\s+#.*")


def read_env_file(path: Path) -> dict[str, str]:
    """Read the variables: ``export``, quotes and # comments are allowed.

    Double quotes know the escapes of a JSON string, single quotes none; nothing is
    expanded, and of two lines for one name the last counts. Raises ConfigInvalid with
    every fault, by line, never quoting what stands there.
    """
    faults: list[str] = []
    variables: dict[str, str] = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        try:
            variables.update(_variable(line.strip()))
        except ValueError as error:
            faults.append(f"{path}: line {number}: {error}")
    if path.stat().st_mode & OTHERS_CAN_READ:
        faults.insert(0, f"{path}: others can read it: chmod 600 {path}")
    if faults:
        raise ConfigInvalid(str(path), tuple(faults))
    return variables


def _variable(line: str) -> dict[str, str]:
    """The one variable of a line, or none. Raises ValueError with words for a person."""
    if not line or line.startswith("#"):
        return {}
    name, equals, rest = line.removeprefix("export ").partition("=")
    name = name.strip()
    if not equals:
        raise ValueError("not of the form NAME=VALUE")
    if not VARIABLE_NAME.fullmatch(name):
        raise ValueError("what stands before = is not a name for a variable")
    value = _value(rest)
    if "\0" in value:
        raise ValueError("the value holds a NUL character")
    return {name: value}


def _value(text: str) -> str:
    opening = text.lstrip()[:1]
    if opening not in _QUOTED:
        return _COMMENT.sub("", text).strip()
    quoted = _QUOTED[opening].match(text.lstrip())
    if quoted is None:
        raise ValueError("a quote is not closed")
    if not _REST.fullmatch(text.lstrip(), quoted.end()):
        raise ValueError("something stands after the closing quote")
    return quoted[0][1:-1] if opening == "'" else _unescaped(quoted[0])


def _unescaped(quoted: str) -> str:
    try:
        value = str(json.loads(quoted, strict=False))
        value.encode()
    # Half of a surrogate pair is an escape too, but no text; its error would quote it.
    except (json.JSONDecodeError, UnicodeEncodeError):
        raise ValueError(r"an escape that is not known; \\ stands for a backslash") from None
    return value
