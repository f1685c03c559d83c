"""What is left out of the configuration in a backup, and put in again from the one that is there.

Comments go with the secrets: somebody may have put an old key into one.
"""

import re
import tomllib
from typing import Any

import tomli_w

MARK = "<left out of the backup>"

#: Names of what is secret, in keys and in options of commands.
_NAME = re.compile(r"(?:key|token|secret|passw|credential|auth|cookie|bearer)", re.IGNORECASE)
_HARMLESS = frozenset({"max_tokens", "tokens", "autostart"})
#: Values that look like a key wherever they stand.
_VALUE = re.compile(
    r"(?:sk|pk|rk)-[\w-]{12,}|AIza[\w-]{20,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{12,}"
    r"|xox[abprs]-[\w-]{8,}|AKIA[0-9A-Z]{12,}|eyJ[\w-]{8,}\.[\w-]{8,}|-----BEGIN [A-Z ]*KEY"
    r"|(?<![\w/.-])(?=[\w+=-]*[0-9])(?=[\w+=-]*[A-Za-z])[\w+=-]{32,}(?![\w/.-])"
)
_IN_URL = re.compile(r"(?P<before>://[^/\s:@]*:)[^@\s]+(?=@)")
_QUERY = re.compile(
    r"(?P<before>[?&][^=&\s]*(?:key|token|secret|passw|auth)[^=&\s]*=)[^&\s]+", re.IGNORECASE
)


def redact(text: str) -> tuple[str, int]:
    """Give a config.toml without its secrets, and how many were left out. ValueError where it
    is no TOML."""

    def mark(value: Any, name: str, *, env: bool) -> Any:
        env = env or name == "env"
        if isinstance(value, dict):
            return {key: mark(each, key, env=env) for key, each in value.items()}
        if isinstance(value, list):
            return _arguments(value, lambda each: mark(each, name, env=env))
        return _marked(value, name, env=env)

    made = tomli_w.dumps({k: mark(v, k, env=False) for k, v in tomllib.loads(text).items()})
    return made, made.count(MARK)


def merge(text: str, here: str | None) -> tuple[str, tuple[str, ...]]:
    """Fill the marks of a config.toml from the one that is here, and name what could not be.

    Raises ValueError where the first is no TOML; the second then counts as empty.
    """
    try:
        known = tomllib.loads(here or "")
    except (ValueError, RecursionError):
        known = {}
    missing: list[str] = []
    made = _filled(tomllib.loads(text), known, "", missing)
    return tomli_w.dumps(made), tuple(missing)


def _filled(table: dict[str, Any], known: Any, path: str, missing: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in table.items():
        there = known.get(name) if isinstance(known, dict) else None
        if isinstance(value, dict):
            made[name] = _filled(value, there, f"{path}{name}.", missing)
        elif not _is_marked(value):
            made[name] = value
        elif isinstance(there, type(value)) and not _is_marked(there):
            made[name] = there
        else:
            missing.append(f"{path}{name}")
    return made


def _is_marked(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_marked(each) for each in value)
    return isinstance(value, str) and MARK in value


def _arguments(values: list[Any], mark: Any) -> list[Any]:
    """A list may be a command: what follows `--api-key` is one."""
    made: list[Any] = []
    for place, value in enumerate(values):
        before = values[place - 1] if place else ""
        named = isinstance(before, str) and before.startswith("-") and _NAME.search(before)
        if isinstance(value, str) and named and "=" not in before and not value.startswith("-"):
            made.append(MARK)
        else:
            made.append(mark(value))
    return made


def _marked(value: Any, name: str, *, env: bool) -> Any:
    if env or (_NAME.search(name) and name not in _HARMLESS and isinstance(value, str)):
        return MARK
    if not isinstance(value, str):
        return value
    if value.startswith("-") and "=" in value and _NAME.search(value.partition("=")[0]):
        return f"{value.partition('=')[0]}={MARK}"
    without = _IN_URL.sub(rf"\g<before>{MARK}", value)
    without = _QUERY.sub(rf"\g<before>{MARK}", without)
    return _VALUE.sub(MARK, without)
