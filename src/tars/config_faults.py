"""One table of config.toml, read key by key, so that one run reports every fault.

A key that is wrong notes its fault and reads as its default: reading goes on, and the
whole file is judged at once. A fault names the key path and never the value of a
variable, which may be a secret.
"""

import difflib
import json
import math
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tars.errors import ConfigInvalid

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]i?B|B)")
_UNITS = {
    "B": 1,
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
}


#: The bits of a file's mode that let somebody else in.
OTHERS_CAN_READ = stat.S_IRWXG | stat.S_IRWXO


def read_text(path: Path) -> str:
    """Read a file of configuration, with plain line ends. Raises ConfigInvalid."""
    try:
        if path.exists() and not path.is_file():
            raise _invalid(path, "not a regular file")
        data = path.read_bytes()
    except OSError as error:
        raise _invalid(path, f"cannot be read: {error.strerror or error}") from None
    try:
        # Some editors put a byte order mark, which TOML does not know.
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _invalid(path, f"line {line}: not UTF-8") from None


def _invalid(path: Path, fault: str) -> ConfigInvalid:
    return ConfigInvalid(str(path), (f"{path}: {fault}",))


@dataclass(slots=True)
class Notes:
    """What was found so far. A fault forbids the file, a warning does not."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Table:
    """A table under `path`. Every key that is asked for is a known key."""

    def __init__(self, values: Mapping[str, object], path: str, notes: Notes) -> None:
        self._values = values
        self._path = path
        self._notes = notes
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def names(self) -> tuple[str, ...]:
        """The keys in the order of the file."""
        return tuple(self._values)

    def fault(self, key: str, what: str) -> None:
        self._notes.faults.append(f"{self.key_path(key)}: {what}")

    def warn(self, key: str, what: str) -> None:
        self._notes.warnings.append(f"{self.key_path(key)}: {what}")

    def key_path(self, key: str) -> str:
        shown = key if _BARE_KEY.fullmatch(key) else json.dumps(key)
        return f"{self._path}.{shown}" if self._path else shown

    def holds_table(self, key: str) -> bool:
        return isinstance(self._values.get(key), dict)

    def table(self, key: str) -> "Table":
        """The table under this key; an empty one where there is none."""
        values = self._take(key, dict, "a table")
        return Table({} if values is None else values, self.key_path(key), self._notes)

    def noting(self, notes: Notes) -> "Table":
        """The same table, whose faults are noted elsewhere."""
        return Table(self._values, self._path, notes)

    def tables(self, key: str) -> list["Table"]:
        """The tables under this key: none, one, or a list of them."""
        values = self._take(key, (dict, list), "a table, or a list of tables")
        listed = [values] if isinstance(values, dict) else values or []
        if not all(isinstance(value, dict) for value in listed):
            self.fault(key, "must be a table, or a list of tables")
            return []
        path = self.key_path(key)
        if len(listed) == 1:
            return [Table(listed[0], path, self._notes)]
        return [Table(value, f"{path}[{n}]", self._notes) for n, value in enumerate(listed, 1)]

    def text(self, key: str, default: str, *, choices: Iterable[str] = ()) -> str:
        """A string, and one of the choices where there are any."""
        value: str | None = self._take(key, str, "a string")
        allowed = tuple(choices)
        if value is None or self._holds_nul(key, value):
            return default
        if allowed and value not in allowed:
            self.fault(key, f"{json.dumps(value)} is not one of {listed(allowed, value)}")
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A non-empty list of strings, the first of them not empty."""
        value = self._take(key, list, 'a list of strings such as ["gemini"]')
        if value is None:
            return None
        if not all(isinstance(item, str) for item in value):
            self.fault(key, 'must be a list of strings such as ["gemini"]')
            return None
        if not value or not value[0].strip():
            self.fault(key, "must name a program")
            return None
        if self._holds_nul(key, *value):
            return None
        return tuple(value)

    def listing(self, key: str, *, once: bool = True) -> tuple[str, ...]:
        """A list of names, each `once`; a single name may stand without its brackets."""
        value = self._take(key, (str, list), 'a name, or a list of names such as ["web"]')
        names = [value] if isinstance(value, str) else value or []
        if not all(isinstance(name, str) and name for name in names):
            self.fault(key, 'must be a list of names such as ["web"]')
            return ()
        return tuple(dict.fromkeys(names)) if once else tuple(names)

    def path(self, key: str) -> Path | None:
        """An absolute path; ``~`` is the home folder."""
        value = self._take(key, str, "a string")
        if value is None or self._holds_nul(key, value):
            return None
        try:
            path = Path(value).expanduser()
        except RuntimeError:
            self.fault(key, "names the home folder of a user who is not known here")
            return None
        if not path.is_absolute():
            self.fault(key, "must be an absolute path, or begin with ~/")
            return None
        return path

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._take(key, bool, "true or false")
        return default if value is None else value

    def seconds(self, key: str, default: float, *, zero: bool = False) -> float:
        """A finite time above zero, or from zero on."""
        value = self._take(key, (int, float), "a number of seconds")
        if value is None:
            return default
        number = _finite(value)
        if number is None or number < 0 or (number == 0 and not zero):
            self.fault(key, f"must be {'0 or more' if zero else 'more than 0'} seconds")
            return default
        return number

    def number(self, key: str) -> int | float | None:
        """A finite number, as it was typed; None where there is none."""
        value: int | float | None = self._take(key, (int, float), "a number")
        if value is not None and _finite(value) is None:
            self.fault(key, "must be a number that can be counted with")
            return None
        return value

    def count(self, key: str, default: int, *, at_least: int = 0) -> int:
        value = self._take(key, int, "a whole number")
        if value is not None and value < at_least:
            self.fault(key, f"must be {at_least} or more")
            return default
        return default if value is None else value

    def size(self, key: str, default: int | None) -> int | None:
        """Bytes, from a whole number or from text such as ``"1.5 GiB"``."""
        value = self._take(key, (int, str), 'a number of bytes or a size such as "1.5 GiB"')
        if value is None:
            return default
        size = value if isinstance(value, int) else _bytes(value)
        if size is None or size <= 0:
            self.fault(key, 'must be a number of bytes above 0, or a size such as "800 MiB"')
            return default
        return size

    def refuse_unknown(self) -> None:
        """Note a fault for each key that nobody asked for. Call it last."""
        for key in self._values:
            if key not in self._known:
                self.fault(key, f"unknown key{suggestion(key, self._known)}")

    def _take(self, key: str, kind: type | tuple[type, ...], wanted: str) -> Any:
        """The value under this key if it has the right type; None where there is none."""
        self._known.append(key)
        value = self._values.get(key)
        # In Python a bool is an int; in TOML it is not.
        wrong_bool = isinstance(value, bool) and kind is not bool
        if value is None or (isinstance(value, kind) and not wrong_bool):
            return value
        self.fault(key, f"must be {wanted}, not {type_name(value)}")
        return None

    def _holds_nul(self, key: str, *values: str) -> bool:
        if any("\0" in value for value in values):
            self.fault(key, "must not hold a NUL character")
            return True
        return False


def suggestion(word: str, known: Iterable[str]) -> str:
    """``; did you mean "model"?``, or nothing where no known word is close."""
    close = difflib.get_close_matches(word.lower(), list(known))
    # By likeness alone "modle" would be "mode": swapped letters are the likelier slip.
    close.sort(key=lambda match: sorted(match) != sorted(word.lower()))
    return f"; did you mean {json.dumps(close[0])}?" if close else ""


def listed(allowed: Iterable[str], word: str) -> str:
    """The allowed words, and the one that was probably meant."""
    words = tuple(allowed)
    return ", ".join(filter(None, words)) + suggestion(word, words)


def type_name(value: object) -> str:
    """What TOML calls the type of a value."""
    names = {str: "a string", bool: "a boolean", int: "an integer", float: "a float"}
    names |= {list: "an array", dict: "a table"}
    return names.get(type(value), "a date or time")


def _finite(value: int | float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _bytes(text: str) -> int | None:
    match = _SIZE.fullmatch(text.strip())
    return None if match is None else int(float(match[1]) * _UNITS[match[2]])
