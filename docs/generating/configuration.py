"""docs/configuration.md: every key of config.toml, as its readers ask for it.

What a key is and what it is unless it is set is recorded while the example is read; what it
means is its comment in config.example.toml.
"""

import copy
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from docs.generating.parts import ROOT, code, table
from tars.agents.registry import KINDS
from tars.config import judged
from tars.config_faults import Notes, Table
from tars.home import Home

EXAMPLE = ROOT / "config.example.toml"
INTRODUCTION = """\
# config.toml

Every key of `~/.tars/config.toml`, printed from the code that reads it and from the comments of
[config.example.toml](../config.example.toml), which `tars config init` writes. Without a file
everything has its default. `tars config validate` reports every fault of the file at once, each
with its key, and what was probably meant; a file with a fault changes nothing. A daemon that runs
reads it again at SIGHUP, and `tars config show` prints what is in force.

Times are in seconds. Paths are absolute or begin with `~/`.

"""
#: What the names of a person's own choice are called here.
_OWN_NAMES = (
    (re.compile(r"^agents\.[^.]+"), "agents.NAME"),
    (re.compile(r'^prices\.models\.("[^"]*"|[^.]+)'), 'prices.models."NAME"'),
    (re.compile(r"\[\d+\]"), ""),
)
#: Tables whose keys are such names, or kinds of tools: one row says it.
_FOLDED = re.compile(r"^(agents\.NAME\.(env|permissions)|prices\.aliases|history\.paths)\..*$")


#: What the comment of a key says of its default.
_DEFAULT = re.compile(r"\s*Default: (.*?)\.?$")
#: More words than these are not listed.
_MOST_CHOICES = 12


@dataclass(frozen=True, slots=True)
class Key:
    """A key as its reader asks for it. `default` is as TOML has it, or empty."""

    path: str
    what: str
    default: str = ""


class Asked(Table):
    """A table that notes in `keys` what is asked of it."""

    def __init__(self, table: Table, keys: dict[str, Key]) -> None:
        super().__init__(table._values, table._path, table._notes)
        self._keys = keys

    def table(self, key: str) -> "Asked":
        return Asked(super().table(key), self._keys)

    def tables(self, key: str) -> list[Table]:
        return [Asked(each, self._keys) for each in super().tables(key)]

    def noting(self, notes: Notes) -> "Asked":
        return Asked(super().noting(notes), {})

    def text(self, key: str, default: str, *, choices: Iterable[str] = ()) -> str:
        words = tuple(filter(None, choices))
        self._note(key, _one_of(words), default)
        return super().text(key, default, choices=choices)

    def texts(self, key: str) -> tuple[str, ...] | None:
        self._note(key, "a list of strings")
        return super().texts(key)

    def listing(self, key: str, *, once: bool = True) -> tuple[str, ...]:
        self._note(key, "a name, or a list of names")
        return super().listing(key, once=once)

    def path(self, key: str) -> Path | None:
        self._note(key, "a path")
        return super().path(key)

    def flag(self, key: str, *, default: bool) -> bool:
        self._note(key, "true or false", default)
        return super().flag(key, default=default)

    def seconds(self, key: str, default: float, *, zero: bool = False) -> float:
        self._note(key, "seconds, 0 or more" if zero else "seconds", default)
        return super().seconds(key, default, zero=zero)

    def number(self, key: str) -> int | float | None:
        self._note(key, "a number")
        return super().number(key)

    def count(self, key: str, default: int, *, at_least: int = 0) -> int:
        # Where 0 is not allowed, it stands for: not set.
        set_to = default if default >= at_least else None
        self._note(key, f"a whole number, {at_least} or more", set_to)
        return super().count(key, default, at_least=at_least)

    def size(self, key: str, default: int | None) -> int | None:
        self._note(key, 'bytes, or a size such as `"1.5 GiB"`', default)
        return super().size(key, default)

    def _note(self, key: str, what: str, default: object = None) -> None:
        path = self.key_path(key)
        self._keys[path] = Key(path, what, _as_toml(default))


@dataclass(frozen=True, slots=True)
class Told:
    """What the example says of a table, and of its keys in their order."""

    header: str
    comment: str
    keys: dict[str, str]


def page() -> str:
    """Give the whole page as Markdown."""
    found, needed = asked(), set(missed())
    parts = []
    for told in example():
        title = f"## `{told.header}`" if told.header else "## At the top"
        rows = [
            [
                code(name),
                found[path].what,
                _default(found[path], meaning, needed),
                _DEFAULT.sub("", meaning),
            ]
            for name, meaning in told.keys.items()
            if (path := path_of(told.header, name)) in found
        ]
        shown = table(("key", "value", "default", ""), rows) if rows else ""
        parts.append("\n\n".join(filter(None, (title, told.comment, shown))).rstrip() + "\n")
    return INTRODUCTION + "\n".join(parts)


def asked() -> dict[str, Key]:
    """Give every key that the configuration's readers ask for, by its path."""
    keys: dict[str, Key] = {}
    _judge(values(), keys)
    found: dict[str, Key] = {}
    for key in keys.values():
        path = named(key.path)
        if not _FOLDED.match(path):
            found.setdefault(path, Key(path, key.what, key.default))
    # Read in ways of their own.
    words = ", ".join(map(code, ("ask", "allow", "deny")))
    rules = f"one of {words}; or a table of them by kind of tool"
    found["agents.NAME.permissions"] = Key("agents.NAME.permissions", rules, '"ask"')
    found["history.paths"] = Key("history.paths", "a table of paths by agent")
    return found


def missed() -> Iterator[str]:
    """Give the paths of the keys that have to be there: without one its absence is a fault."""
    usual = _judge(values(), {})
    for path in _all_keys({k: v for k, v in values().items() if k != "agents"}, ()):
        without = copy.deepcopy(values())
        _remove(without, path)
        here = re.compile(rf"(^|\.){re.escape(str(path[-1]))}: ")
        if any(here.search(fault) for fault in _judge(without, {}) if fault not in usual):
            yield named(".".join(step for step in path if isinstance(step, str)))


def values() -> dict[str, Any]:
    """Give the example with every key in force that stands behind a #."""
    return tomllib.loads(re.sub(r"^#(?=\S)", "", EXAMPLE.read_text(), flags=re.MULTILINE))


def example() -> list[Told]:
    """Give what config.example.toml says, table by table."""
    told, fresh = [Told("", "", {})], True
    comment: list[str] = []
    for line in EXAMPLE.read_text().splitlines():
        header = re.fullmatch(r"#?(\[+.+?\]+)", line)
        key = re.fullmatch(r"#?([a-z_0-9]+) = .*", line)
        if line.startswith("# "):
            comment = [*([] if fresh else comment), line[2:]]
            fresh = False
        elif header:
            told.append(Told(_header(header[1]), _prose(comment), {}))
            comment, fresh = [], True
        elif key:
            told[-1].keys[key[1]] = _prose(comment)
            fresh = True
        elif not line:
            comment = []
    return [each for each in _merged(told) if each.keys or each.comment]


def named(path: str) -> str:
    """Give a path with NAME for what is a person's own name."""
    for pattern, name in _OWN_NAMES:
        path = pattern.sub(name, path)
    return path


def _merged(told: list[Told]) -> list[Told]:
    """A second agent of the example is told with the first."""
    first: dict[str, Told] = {}
    for each in told:
        if each.header not in first:
            first[each.header] = each
    return list(first.values())


def _header(text: str) -> str:
    brackets = text.count("[")
    return f"{'[' * brackets}{named(text.strip('[]'))}{']' * brackets}"


def path_of(header: str, key: str) -> str:
    """Give the path of a key below the header of its table."""
    inner = header.strip("[]")
    return f"{inner}.{key}" if inner else key


def _prose(comment: list[str]) -> str:
    text = " ".join(comment)
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else _linked(p) for p in pieces)


def _linked(text: str) -> str:
    text = re.sub(r"([*_<>\[\]])", r"\\\1", text)
    return re.sub(r"docs/([\w-]+)\.md", _link, text)


def _link(page: re.Match[str]) -> str:
    """A page that is not written yet stays a name."""
    there = (ROOT / page[0]).exists()
    return f"[{page[1]}]({page[1]}.md)" if there else f"`{page[0]}`"


def _default(key: Key, meaning: str, needed: set[str]) -> str:
    if key.path in needed:
        return "has to be set"
    if said := _DEFAULT.search(meaning):
        return said[1]
    return code(key.default) if key.default else ""


def _one_of(words: tuple[str, ...]) -> str:
    if len(words) > _MOST_CHOICES:
        return f"a string, one of {len(words)}"
    return "one of " + ", ".join(map(code, words)) if words else "a string"


def _as_toml(value: object) -> str:
    match value:
        case None | "" | ():
            return ""
        case bool():
            return str(value).lower()
        case StrEnum():
            return f'"{value.value}"'
        case str():
            return f'"{value}"'
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _judge(values: dict[str, Any], keys: dict[str, Key]) -> list[str]:
    notes = Notes()
    judged(Asked(Table(values, "", notes), keys), Home(Path("/nowhere")), KINDS, lambda _: None)
    return notes.faults


def _all_keys(value: object, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*at, name)
            yield from _all_keys(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _all_keys(inner, (*at, number))


def _remove(values: Any, at: tuple[str | int, ...]) -> None:
    for step in at[:-1]:
        values = values[step]
    del values[at[-1]]
