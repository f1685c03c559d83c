"""docs/cli.md: every command with its arguments, options, defaults and examples."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from docs.generating.commands import commands, groups
from docs.generating.parts import cell, code, table
from tars.cli import exit_codes

INTRODUCTION = """\
# The command line

Every command, printed from the code: what `tars COMMAND --help` says. [Every
command](commands.md) says on which page each is shown at work.

All of them take `--help` (`-h`), and `tars --version` prints the version. stdout is data, stderr is
narration; with `--json` or `--format json` the names stay as they are. `TARS_HOME` and the other
variables are in [the environment](environment.md).

## Exit status

"""
#: What each exit status means; `tars.cli.exit_codes` has the numbers.
MEANINGS = {
    "DONE": "it was done",
    "FAILED": "it failed: a turn that did not end well, a disk that did not do its part",
    "WRONG_USAGE": "wrong usage: a word, an option or a name that makes no sense",
    "NOT_RUNNING": "no daemon runs",
    "AGENT_UNAVAILABLE": "the agent cannot work until somebody mends something",
    "REFUSED": "possible in itself, but not now; nothing was changed",
    "NOT_RUNNABLE": "`tars guard`: its command cannot be run",
    "NOT_FOUND": "`tars guard`: its command is not there",
    "CANCELLED": "cancelled: Ctrl-C, or the turn was",
}
#: Shown for every command, and said once above.
_COMMON = ("--help",)


def page() -> str:
    """Give the whole page as Markdown."""
    every = sorted((commands() | groups()).items())
    return INTRODUCTION + exit_table() + "\n" + "\n".join(_command(*each) for each in every)


def exit_table() -> str:
    """Print what each exit status means. Raises KeyError for one without a meaning."""
    rows = [[f"{status}", MEANINGS[name]] for name, status in exit_statuses().items()]
    return table(("exit status", "what it means"), rows)


def exit_statuses() -> dict[str, int]:
    """Give the names and numbers of all exit statuses."""
    return {k: v for k, v in vars(exit_codes).items() if k.isupper() and type(v) is int}


def _command(words: str, command: Any) -> str:
    context = command.context_class(command, info_name=f"tars {words}")
    usage = " ".join((f"tars {words}", *command.collect_usage_pieces(context)))
    parts = [f"## `tars {words}`", f"```text\n{usage}\n```", _prose(command.help or "")]
    rows = [_row(param, context) for param in command.params if _is_shown(param)]
    if rows:
        parts.append(table(("", "value", "default", ""), rows).rstrip())
    examples = _examples(command.epilog or "")
    if examples:
        parts.append(f"```sh\n{examples}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def _examples(epilog: str) -> str:
    lines = epilog.replace("\b", "").strip("\n").splitlines()
    return textwrap.dedent("\n".join(line for line in lines if line != "Examples:")).strip()


def _is_shown(param: Any) -> bool:
    return not getattr(param, "hidden", False) and not set(param.opts) & set(_COMMON)


def _prose(text: str) -> str:
    """Give a help text as Markdown: its paragraphs, and its options as code."""
    paragraphs = [" ".join(p.split()) for p in text.replace("\b", "").split("\n\n")]
    return "\n\n".join(quoted(paragraph) for paragraph in paragraphs)


def quoted(text: str) -> str:
    """Quote what a terminal needs no quotes for: options, and what would be HTML."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else _plain(p) for p in pieces)


def _plain(text: str) -> str:
    text = re.sub(r"(?<![\w`-])(--[a-z][\w-]*)", r"`\1`", text)
    return re.sub(r"([<>*_\[\]{}$])", r"\\\1", text)


def _row(param: Any, context: Any) -> Iterator[str]:
    if param.param_type_name == "argument":
        yield code(param.make_metavar(context))
        yield "needed" if param.required else "may be left out"
    else:
        yield ", ".join(code(name) for name in (*param.opts, *param.secondary_opts))
        yield "" if param.is_flag else _value(param, context)
    yield _default(param)
    yield cell(quoted(param.help or ""))


def _value(param: Any, context: Any) -> str:
    choices = getattr(param.type, "choices", None)
    shown = "|".join(map(str, choices)) if choices else param.make_metavar(context)
    return code(shown) + (", several times" if param.multiple else "")


def _default(param: Any) -> str:
    value = getattr(param.default, "value", param.default)
    nothing = value is None or value is False or value == () or callable(value) or value == ""
    return "" if nothing else code(str(value))
