"""docs/errors.md: every error and fault of tars, what each means, and all that it says."""

import inspect

from docs.generating import messages
from docs.generating.parts import code_of_rest, first_line, table
from tars.cli import exit_codes
from tars.control.error_answers import ANSWERS, HTTP_CODES
from tars.errors import FaultKind

INTRODUCTION = """\
# Errors and faults

All that goes wrong, printed from the code. What to do about the common ones is in
[troubleshooting](troubleshooting.md).

An **error** answers a request: of a command it is one line on stderr and the exit status, on the
[control channel](control-api.md) the HTTP status and a body with `code`, `message` and `advice`.
A **fault** belongs to an agent or a turn: it is in `tars status`, in the result of the turn and in
the ledger, with `kind`, `message` and `advice`. In the messages below `…` is what is only known
then.

"""
#: What each kind of fault means.
MEANINGS = {
    FaultKind.NOT_INSTALLED: "the agent's program, or what it needs, is not on this machine",
    FaultKind.NOT_SIGNED_IN: "the agent has no key and no account",
    FaultKind.BAD_KEY: "the provider does not take the key or the account",
    FaultKind.UNTRUSTED_FOLDER: "the agent does not trust the folder it works in",
    FaultKind.UNKNOWN_MODEL: "there is no such model, or not for this account",
    FaultKind.BAD_CONFIG: "the configuration of the agent cannot be right",
    FaultKind.QUOTA: "what the account may use is used up",
    FaultKind.RATE_LIMIT: "too much was asked in too short a time",
    FaultKind.OVERLOADED: "the model's server could not answer just then",
    FaultKind.CONTEXT_FULL: "the conversation is too long for the model",
    FaultKind.MODEL_ERROR: "the model, or its provider, refused or broke off",
    FaultKind.SESSION_LOST: "a conversation that there was is gone",
    FaultKind.SESSION_UNKNOWN: "the agent does not know the conversation that was named",
    FaultKind.SESSION_LOCKED: "another process writes into this conversation",
    FaultKind.CRASHED: "the agent's process ended when nobody had asked for it",
    FaultKind.TIMEOUT: "something took longer than it may",
    FaultKind.PROTOCOL: "what the agent said makes no sense in its protocol",
    FaultKind.STOPPED: "somebody stopped the agent, or the daemon",
    FaultKind.QUEUE_FULL: "too many prompts wait already",
    FaultKind.OVER_BUDGET: "a budget has nothing left for it",
    FaultKind.RUNAWAY: "the turn went round in circles",
    FaultKind.GAVE_UP: "the agent fell too often; tars no longer restarts it",
    FaultKind.DISK: "the disk did not do its part",
    FaultKind.INTERNAL: "tars itself did something wrong",
}


def page() -> str:
    """Give the whole page as Markdown. Raises KeyError for a kind of fault without a meaning."""
    parts = [
        "## Errors\n",
        _error_table(),
        "What HTTP itself can get wrong, and a bug of the daemon:\n",
        _http_table(),
        "## Faults\n",
        "A fault that a person has to mend is not tried again by itself, and prompts end with exit "
        "status 4 until it is.\n",
        _fault_table(),
        "## What errors say\n",
        *(_said(name, name) for name in messages.exceptions() if _of(name)),
        "## What faults say\n",
        *(_said(kind.value, kind.name) for kind in FaultKind if _of(kind.name)),
    ]
    return INTRODUCTION + "\n".join(parts)


def _error_table() -> str:
    rows = []
    for name, kind in messages.exceptions().items():
        status, word = next(ANSWERS[each] for each in kind.__mro__ if each in ANSWERS)
        meaning = code_of_rest(first_line(inspect.getdoc(kind)))
        exit_status = next(
            exit_codes.ERRORS[each] for each in kind.__mro__ if each in exit_codes.ERRORS
        )
        rows.append([f"`{name}`", f"`{word}`", str(status), str(exit_status), meaning])
    return table(("error", "`code`", "HTTP", "exit", "what it means"), rows)


def _http_table() -> str:
    return table(("HTTP", "`code`"), [[str(s), f"`{word}`"] for s, word in HTTP_CODES.items()])


def _fault_table() -> str:
    rows = []
    for kind in FaultKind:
        status = exit_codes.of_turn("error", kind)
        person = "a person has to mend it" if status == exit_codes.AGENT_UNAVAILABLE else ""
        rows.append([f"`{kind.value}`", str(status), person, MEANINGS[kind]])
    return table(("kind", "exit", "", "what it means"), rows)


def _of(name: str) -> list[messages.Message]:
    return [message for message in messages.said() if message.of == name]


def _said(title: str, name: str) -> str:
    rows = [[quoted(each.text), quoted(each.advice)] for each in _of(name)]
    return f"### `{title}`\n\n{table(('message', 'advice'), rows)}"


def quoted(text: str) -> str:
    """Give a message as Markdown shows it as it is: what it quotes itself stays code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return _plain(text)
    return "`".join(p if n % 2 else _plain(p) for n, p in enumerate(pieces))


def _plain(text: str) -> str:
    for sign in "\\`*_<>[]$":
        text = text.replace(sign, f"\\{sign}")
    return text
