"""The commands of a chat: what begins with a slash, and what comes of it.

They run beside the screen, for they ask the daemon or the store, and change nothing here: what
they want is in their `Done`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from tars.cli.chat import records
from tars.cli.chat.banner import listing, resumed, spent_lines
from tars.cli.chat.chat import Chat, check_resumable
from tars.cli.chat.inline import clipped, wrapped
from tars.cli.connection import connect
from tars.cli.questions import Answer, choice, understood
from tars.cli.render import one_line
from tars.control.contract import AgentStatus, PermissionStatus
from tars.control.session_contract import Session
from tars.control.status_text import render
from tars.errors import AgentNotFound, SessionNotFound, UserError

_OWN = "what the agent chooses"
_NOT_KEPT = "Nothing of this conversation is kept (--no-session)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command has to say, and what it wants of the chat. `begins`: a new conversation,
    with `agent` where it is another one, `on_screen` where that is a terminal program. `resumes`
    is the session to go on in, `listed` those that were shown by number, `answered` a question
    that has its answer."""

    lines: list[str] = field(default_factory=list)
    leaves: bool = False
    clears: bool = False
    begins: bool = False
    agent: str | None = None
    on_screen: bool = False
    resumes: Session | None = None
    listed: list[str] | None = None
    named: str | None = None
    answered: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """`usage` is what may follow the name."""

    usage: str
    about: str
    run: Callable[[Chat, str, int], Done]


def is_command(text: str) -> bool:
    """Whether this is a command, and no prompt."""
    return text.startswith("/") and not text.startswith("//")


def as_prompt(text: str) -> str:
    """Give the prompt that was meant: two slashes stand for one."""
    return text[1:] if text.startswith("//") else text


def run(text: str, chat: Chat, width: int) -> Done:
    """Run a command. Raises TarsError, OSError; UserError where there is no such command."""
    name, _, rest = text[1:].strip().partition(" ")
    command = COMMANDS.get(name.lower())
    if command is None:
        near = get_close_matches(name.lower(), COMMANDS, n=1)
        hint = f" Did you mean /{near[0]}?" if near else " /help shows them."
        raise UserError(
            f"There is no command /{name}.{hint}",
            advice="Two slashes send text that begins with one.",
        )
    if rest.strip() and not command.usage:
        raise UserError(f"/{name} stands alone: nothing follows it.")
    return command.run(chat, rest.strip(), width)


def _status(_chat: Chat, _rest: str, width: int) -> Done:
    return Done(lines=render(connect().status(), color=True, width=width).splitlines())


def _sessions(chat: Chat, rest: str, width: int) -> Done:
    if rest not in ("", "all"):
        raise UserError(
            "/sessions stands alone, or before `all`.",
            advice="`tars sessions search TEXT` finds what was said.",
        )
    found = records.recent(None if rest == "all" else chat.agent)
    if not found:
        return Done(lines=["No sessions yet."])
    lines = [*listing(found, chat.session, width), "/resume NUMBER goes on in one of them."]
    return Done(lines=lines, listed=[session.id for session in found])


def _new(chat: Chat, rest: str, _width: int) -> Done:
    agent = _agent(rest or chat.agent)
    about = f"A new conversation with {agent.name} begins with what you send next."
    return Done(lines=[about], begins=True, agent=rest or None, on_screen=_is_on_screen(agent))


def _clear(chat: Chat, _rest: str, _width: int) -> Done:
    about = "A new conversation begins with what you send next."
    before = f" /resume {chat.session} goes back." if chat.session and chat.record else ""
    return Done(lines=[about + before], begins=True, clears=True)


def _resume(chat: Chat, rest: str, width: int) -> Done:
    if not rest:
        return _sessions(chat, rest, width)
    word = rest
    if rest.isascii() and rest.isdigit() and 1 <= int(rest) <= len(chat.listed):
        word = chat.listed[int(rest) - 1]
    session = records.find(word)
    known = _agent(session.agent)
    check_resumable(session, known)
    lines = resumed(session, records.last_exchange(session), width)
    agent = session.agent if session.agent != chat.agent else None
    return Done(lines=lines, resumes=session, agent=agent, on_screen=_is_on_screen(known))


def _rename(chat: Chat, rest: str, _width: int) -> Done:
    if not rest:
        raise UserError("A name is missing: /rename NAME.")
    if not chat.record:
        raise SessionNotFound(_NOT_KEPT)
    session = _present(chat)
    if session is None:
        from tars.sessions.names import check_name

        name = check_name(rest)
        return Done(lines=[f"The conversation will be named {one_line(name)}."], named=name)
    kept = records.rename(session, rest).name or rest
    return Done(lines=[f"This conversation is named {one_line(kept)} now."], named=kept)


def _permit(chat: Chat, rest: str, _width: int) -> Done:
    asked = [p for agent in connect().status().agents for p in agent.permissions]
    if not asked:
        return Done(lines=["Nothing waits for permission."])
    id, _, word = rest.partition(" ")
    chosen = next((p for p in asked if p.id == id), None)
    if chosen is None and rest:
        chosen, word = next((p for p in asked if p.agent == chat.agent), asked[0]), rest
    if chosen is None:
        return Done(lines=[line for p in asked for line in _permission_lines(p)])
    answer = understood(word.strip().lower() or "y", chosen)
    if answer is None:
        raise UserError(f"{word!r} is no answer. {choice(chosen)}".rstrip(": "))
    pass_on(answer)
    return Done(lines=[f"Answered: {one_line(chosen.title)}"], answered=chosen.id)


def pass_on(answer: Answer) -> None:
    """Give the daemon an answer. Raises PermissionNotFound when it is no longer asked."""
    connect().permit(
        answer.request_id,
        option=answer.option,
        deny=answer.deny,
        remember=answer.remember,
        face="chat",
    )


def _permission_lines(asked: PermissionStatus) -> list[str]:
    return [
        one_line(f"{asked.agent} asks: {asked.title}"),
        f"  /permit {asked.id} y  (or n, a for always, or a number)",
    ]


def _export(chat: Chat, rest: str, _width: int) -> Done:
    session = _session(chat)
    path = records.export(session, chat.agent, Path(rest).expanduser() if rest else None)
    return Done(lines=[f"Wrote this conversation to {path.absolute()}."])


def _cost(chat: Chat, _rest: str, width: int) -> Done:
    return Done(lines=spent_lines(_known(chat), width))


def _model(chat: Chat, rest: str, _width: int) -> Done:
    if not rest:
        now, offered = _agent(chat.agent).model, connect().settings(chat.agent).models
        return _told("model", chat, now, offered)
    changed = connect().change_settings(chat.agent, model=rest)
    return _chosen("model", chat, changed.model)


def _mode(chat: Chat, rest: str, _width: int) -> Done:
    if not rest:
        now, offered = _agent(chat.agent).mode, connect().settings(chat.agent).modes
        return _told("mode", chat, now, offered)
    changed = connect().change_settings(chat.agent, mode=rest)
    return _chosen("mode", chat, changed.mode)


def _told(what: str, chat: Chat, now: str, offered: list[str]) -> Done:
    lines = [f"The {what} of {chat.agent} is {one_line(now) or _OWN}."]
    if offered:
        lines.append(f"It offers {one_line(', '.join(offered))}.")
    return Done(lines=[*lines, f"/{what} {what.upper()} chooses another one."])


def _chosen(what: str, chat: Chat, now: str) -> Done:
    chosen = one_line(now) or _OWN
    return Done(lines=[f"From the next turn on the {what} of {chat.agent} is {chosen}."])


def _help(_chat: Chat, _rest: str, columns: int) -> Done:
    width = max(len(f"/{name} {c.usage}") for name, c in COMMANDS.items())
    lines = [f"{f'/{name} {c.usage}':{width}}  {c.about}" for name, c in COMMANDS.items()]
    keys = [line for text in KEYS for line in wrapped([(text, "")], columns)]
    return Done(lines=[*(clipped(line, columns) for line in lines), "", *keys])


def _quit(_chat: Chat, _rest: str, _width: int) -> Done:
    return Done(leaves=True)


def _agent(name: str) -> AgentStatus:
    agents = {agent.name: agent for agent in connect().agents().agents}
    if name not in agents:
        advice = f"There is {', '.join(agents)}."
        raise AgentNotFound(f"There is no agent {name!r}.", advice=advice)
    return agents[name]


def _is_on_screen(agent: AgentStatus) -> bool:
    return agent.protocol == "pty"


def _known(chat: Chat) -> Session:
    return records.find(_session(chat), chat.agent)


def _session(chat: Chat) -> str:
    if not chat.record:
        raise SessionNotFound(_NOT_KEPT)
    session = _present(chat)
    if session is None:
        raise SessionNotFound("Nothing was said in this conversation yet.")
    return session


def _present(chat: Chat) -> str | None:
    """Give the session that the next prompt goes to; None where it begins one."""
    if chat.session is not None or chat.new:
        return chat.session
    found = records.of_project(chat.agent, chat.project)
    return None if found is None else found.id


KEYS = [
    "Enter sends; Alt-Enter, or a backslash before Enter, begins a new line.",
    "Ctrl-C cancels the turn, and twice leaves; Ctrl-D leaves, and the agent goes on.",
    "//text sends text that begins with a slash. Ctrl-R searches what you sent before.",
]
COMMANDS: dict[str, Command] = {
    "status": Command("", "show how the agents are", _status),
    "sessions": Command("[all]", "list the agent's conversations, or those of all", _sessions),
    "new": Command("[AGENT]", "begin a new conversation, with another agent too", _new),
    "resume": Command("[REF|NUMBER]", "go on in another conversation", _resume),
    "clear": Command("", "clear the screen and begin a new conversation", _clear),
    "rename": Command("NAME", "name this conversation", _rename),
    "model": Command("[MODEL]", "show or choose the model", _model),
    "mode": Command("[MODE]", "show or choose the mode", _mode),
    "permit": Command("[ID] [y|n|a|NUMBER]", "answer what an agent asks for", _permit),
    "export": Command("[FILE]", "write this conversation to a file", _export),
    "cost": Command("", "show what this conversation used, by model", _cost),
    "help": Command("", "show this", _help),
    "quit": Command("", "leave; the agent goes on", _quit),
}
