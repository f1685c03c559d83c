"""Descriptions of screens: TOML files that say what a terminal program's screen means.

One that ships with tars is meant by its name, any other by its path. A file is judged whole,
as the configuration is: one run tells every fault. docs/screens.md says how to write one.
"""

import difflib
import json
import re
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path

from tars.config_faults import Notes, Table, listed, read_text, suggestion
from tars.errors import ConfigInvalid, FaultKind
from tars.protocols.screen_rules import (
    AnswerRules,
    Covers,
    Failure,
    Part,
    Paste,
    Question,
    Reaction,
    Region,
    ScreenRules,
    Sight,
    UsageSight,
)
from tars.protocols.screen_typing import KEYS, harmless

#: ToolKind of the Agent Client Protocol; the permission policy goes by these.
TOOL_KINDS = ("read", "edit", "delete", "move", "search", "execute", "fetch", "other")
_FIGURES = ("input", "output", "cached", "cache_write", "thoughts", "cost")
#: A screen may be this large, and no larger: a program could not be stopped from filling it.
_MOST_ROWS, _MOST_COLUMNS, _MOST_HISTORY = 500, 1000, 20_000
_ALL = Region()
_PAGE = "docs/screens.md"
#: How others write keys. Ctrl with anything else than a letter has no name.
_CHORD = re.compile(r"(?i)(?:\^|<?(?:ctrl|control)[-+_ ]?|<?c[-+])(?P<letter>[a-z])>?")
_OTHER_NAMES = {
    "return": "enter",
    "esc": "escape",
    "del": "delete",
    "pgup": "page-up",
    "pgdn": "page-down",
    "pageup": "page-up",
    "pagedown": "page-down",
    "backtab": "shift-tab",
}
_LONG_NAMES = tuple(name for name in KEYS if len(name) > 3 and not name.startswith("ctrl-"))
_REGION = re.compile(r"(top|bottom) (\d{1,3})|row (-?\d{1,3})")


@cache
def shipped() -> tuple[str, ...]:
    """Name the descriptions that come with tars."""
    folder = files(__package__) / "screens"
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.is_file()))


def rules_of(screen: str) -> ScreenRules:
    """Give the rules that a `screen` key means; an empty one means the plain rules.

    Raises ConfigInvalid with every fault of the file.
    """
    if not screen:
        return ScreenRules()
    return _shipped_rules(screen) if _is_name(screen) else _rules_in(Path(screen).expanduser())


def faults_of(screen: str) -> tuple[str, ...]:
    """Say what is wrong with what a `screen` key means."""
    if _is_name(screen) and screen and screen not in shipped():
        meant = suggestion(screen, shipped())
        return (
            f"tars has no description {json.dumps(screen)}, only {', '.join(shipped())}"
            f"{f'{meant} A' if meant else '; a'} file of your own is given by its absolute path "
            f"({_PAGE})",
        )
    if not _is_name(screen) and not Path(screen).expanduser().is_absolute():
        return (
            f"must be an absolute path, or begin with ~/, or name a description of tars' ({_PAGE})",
        )
    try:
        rules_of(screen)
    except ConfigInvalid as invalid:
        first, last = invalid.faults[:-1], invalid.faults[-1]
        return (*first, f"{last} ({_PAGE} says how to write one)")
    return ()


def _is_name(screen: str) -> bool:
    return "/" not in screen and not screen.endswith(".toml")


@cache
def _shipped_rules(name: str) -> ScreenRules:
    text = (files(__package__) / "screens" / f"{name}.toml").read_text(encoding="utf-8")
    return understood(text, f"{name}.toml")


def _rules_in(path: Path) -> ScreenRules:
    return understood(read_text(path), str(path))


def understood(text: str, source: str) -> ScreenRules:
    """Understand a whole description. Raises ConfigInvalid with every fault."""
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid(source, (f"{source}: not valid TOML: {error}",)) from None
    notes = Notes()
    rules = _rules(Table(values, "", notes))
    if notes.faults:
        raise ConfigInvalid(source, tuple(f"{source}: {fault}" for fault in notes.faults))
    return rules


def _rules(root: Table) -> ScreenRules:
    usual = ScreenRules()
    typing = root.table("type")
    rules = ScreenRules(
        name=root.text("name", usual.name),
        rows=_bounded(root, "rows", usual.rows, 5, _MOST_ROWS),
        columns=_bounded(root, "columns", usual.columns, 20, _MOST_COLUMNS),
        history=_bounded(root, "history", usual.history, 100, _MOST_HISTORY),
        quiet_seconds=root.seconds("quiet_seconds", usual.quiet_seconds),
        ready=_sights(root, "ready"),
        started=_sights(root, "started", Region(Part.TURN)),
        thinking=_sights(root, "thinking"),
        done=_sights(root, "done"),
        waiting=_sights(root, "waiting", Region(Part.TURN)),
        cancelled=_sights(root, "cancelled", Region(Part.TURN)),
        asking=tuple(_question(t) for t in root.tables("asking")),
        failed=tuple(_failure(t) for t in root.tables("failed")),
        start=tuple(_reaction(t) for t in root.tables("start")),
        paste=Paste(typing.text("paste", usual.paste, choices=tuple(Paste))),
        submit=_keys(typing, "submit") or usual.submit,
        submit_seconds=_submit_seconds(typing),
        unsent=_unsent(typing) if "unsent" in typing else None,
        clear_line=_keys(typing, "clear"),
        cancel=_keys(root, "cancel") or usual.cancel,
        new_conversation=harmless(root.text("new_conversation", "")),
        answer=_answer(root) if "answer" in root else None,
        usage=_usage(root) if "usage" in root else None,
    )
    typing.refuse_unknown()
    root.refuse_unknown()
    if rules.answer is not None and not rules.ready:
        root.fault("ready", "missing; an answer can only be read off a screen that says its end")
    return rules


def _bounded(table: Table, key: str, default: int, least: int, most: int) -> int:
    value = table.count(key, default, at_least=least)
    if value > most:
        table.fault(key, f"must be {most} or less")
    return min(value, most)


def _submit_seconds(table: Table) -> float | None:
    return table.seconds("wait_seconds", 0.15) if "wait_seconds" in table else None


def _unsent(typing: Table) -> Sight:
    """Where the prompt is seen to stand still, as the group `prompt`."""
    sight = Sight(_pattern(typing, "unsent"))
    if "prompt" not in sight.pattern.groupindex:
        typing.fault("unsent", "has no group named prompt")
    return sight


def _sights(root: Table, key: str, usual: Region = _ALL) -> tuple[Sight, ...]:
    tables = root.tables(key)
    sights = tuple(_sight(t, usual) for t in tables)
    for table in tables:
        table.refuse_unknown()
    return sights


def _sight(table: Table, usual: Region = _ALL) -> Sight:
    return Sight(_pattern(table, "pattern"), _region(table, usual))


def _region(table: Table, usual: Region) -> Region:
    text = table.text("in", "")
    if not text:
        return usual
    if text in (Part.ALL, Part.CURSOR, Part.TURN):
        return Region(Part(text))
    match = _REGION.fullmatch(text)
    number = int(match[2] or match[3]) if match else 0
    if match is None or number == 0:
        table.fault(
            "in", 'must be "all", "top N", "bottom N", "row N", "cursor line" or "turn"; N is not 0'
        )
        return usual
    return Region(Part(match[1] or Part.ROW), number)


def _pattern(table: Table, key: str, *, needed: bool = True) -> re.Pattern[str]:
    return _compiled(table, key, table.text(key, ""), needed=needed)


def _compiled(table: Table, key: str, text: str, *, needed: bool = True) -> re.Pattern[str]:
    if not text and needed:
        table.fault(key, "missing; a regular expression, in single quotes")
    try:
        return re.compile(text, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        table.fault(key, f"not a regular expression: {error}")
        return re.compile("")


def _keys(table: Table, key: str) -> bytes:
    """Keys by name, and text that is typed as it stands."""
    pressed = b""
    for word in table.listing(key, once=False):
        known = KEYS.get(word.lower())
        if known is None and word != harmless(word):
            table.fault(key, "text must not hold control characters; name the key instead")
        elif known is None and (meant := _key_meant(word)):
            table.fault(key, f"{json.dumps(word)} is no key; did you mean {json.dumps(meant)}?")
        pressed += known if known is not None else word.encode()
    return pressed


def _key_meant(word: str) -> str:
    """Give the key whose name was probably meant: a text of that likeness is typed by nobody."""
    if (chord := _CHORD.fullmatch(word)) is not None:
        return f"ctrl-{chord['letter'].lower()}"
    name = word.lower().strip("<>{}").replace("_", "-")
    name = _OTHER_NAMES.get(name, name)
    if name in KEYS:
        return name
    close = difflib.get_close_matches(name, _LONG_NAMES, n=1, cutoff=0.8)
    return close[0] if close and len(word) > 3 else ""


def _question(table: Table) -> Question:
    question = Question(
        _sight(table),
        tool_kind=table.text("kind", "other", choices=TOOL_KINDS),
        allow=_keys(table, "allow"),
        allow_always=_keys(table, "allow_always"),
        deny=_keys(table, "deny"),
    )
    for key, pressed in (("allow", question.allow), ("deny", question.deny)):
        if not pressed and key not in table:
            table.fault(key, 'missing; the keys of that answer, such as ["y", "enter"]')
    table.refuse_unknown()
    return question


def _failure(table: Table) -> Failure:
    kinds = tuple(FaultKind)
    failure = Failure(
        _sight(table, Region(Part.TURN)),
        FaultKind(table.text("fault", FaultKind.MODEL_ERROR, choices=kinds)),
        table.text("message", ""),
        table.text("advice", ""),
    )
    if not failure.message:
        table.fault("message", "missing; a sentence that says what happened")
    table.refuse_unknown()
    return failure


def _reaction(table: Table) -> Reaction:
    reaction = Reaction(_sight(table), _keys(table, "keys"))
    if not reaction.keys and "keys" not in table:
        table.fault("keys", 'missing; such as ["enter"]')
    table.refuse_unknown()
    return reaction


def _answer(root: Table) -> AnswerRules:
    table = root.table("answer")
    rules = AnswerRules(
        begin=_pattern(table, "begin"),
        end=_pattern(table, "end"),
        pasted=_pattern(table, "pasted") if "pasted" in table else None,
        drop=tuple(_compiled(table, "drop", text) for text in table.listing("drop")),
        strip=_pattern(table, "strip") if "strip" in table else None,
        open_ended=table.flag("open_ended", default=False),
    )
    table.refuse_unknown()
    return rules


def _usage(root: Table) -> UsageSight:
    table = root.table("usage")
    usage = UsageSight(
        _pattern(table, "pattern"),
        Covers(table.text("covers", Covers.REQUEST, choices=tuple(Covers))),
    )
    unknown = [name for name in usage.pattern.groupindex if name not in _FIGURES]
    for name in unknown:
        table.fault("pattern", f"the group {name!r} is not one of {listed(_FIGURES, name)}")
    if not unknown and not ({"input", "output"} & set(usage.pattern.groupindex)):
        table.fault("pattern", "has neither a group named input nor one named output")
    table.refuse_unknown()
    return usage
