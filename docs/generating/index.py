"""docs/index.md: every page in its section. A page that no section names goes to the last one."""

from pathlib import Path

from docs.generating.parts import DOCS

INTRODUCTION = """\
# tars

Keeps coding agents alive, sends them your prompts, counts every token, and remembers every
conversation. [The README](../README.md) says what it is on one page.

What stands in these pages is printed from the code where it can be, and typed by tests where it is
a command; [how that is done](../CONTRIBUTING.md#documentation) is told to who changes them.

"""
#: The sections, and of each page (by its name) what one finds there.
SECTIONS: dict[str, dict[str, str]] = {
    "Start": {
        "start": "from nothing to an answer, with every command",
        "concepts": "agent, session, turn, tokens, cost: the words, and what they mean here",
    },
    "Use": {
        "status": "for people, for scripts, and as it changes",
        "chat": "a conversation on this terminal",
        "tui": "six screens of everything, by keyboard",
        "web": "the same in a browser on this machine",
        "status-line": "for shells, tmux and Claude Code",
        "sessions": "the list, searches, spans of time; which one a prompt goes to",
        "keeping": "names, tags, notes, tasks, archives, cleaning up",
        "costs": "reports by day, model, agent or project, in tars and outside it",
        "python": "a client, an agent to talk to, the sessions on disk",
    },
    "Agents": {
        "agents": "one table of all, and several at once",
        "gemini-cli": "warm over ACP, or a process for each prompt",
        "claude-code": "over streaming JSON, with its own price",
        "codex": "over its app-server, with the account's limits",
        "opencode": "over its own HTTP server",
        "copilot": "over ACP; what was measured",
        "qwen-code": "over ACP; what was measured",
        "kimi": "over ACP; what was measured",
        "goose": "over ACP; not tried",
        "acp-agents": "whatever speaks the Agent Client Protocol",
        "screens": "any terminal program; `tars attach`",
    },
    "How to": {
        "service": "have systemd or launchd keep the daemon",
        "postgresql": "one store for a team",
        "budgets": "bound what agents may spend",
        "editors": "over the Agent Client Protocol",
        "exports": "sessions as files, and everything in one",
        "prices": "what models cost, and your own prices",
        "history": "where they are, and what is counted of each",
        "troubleshooting": "by the words of the message: what it means, and what helps",
    },
    "Reference": {
        "commands": "what each does, and the page that shows it",
        "cli": "arguments, options, examples, exit statuses",
        "configuration": "every key: what it takes, and what it is unless it is set",
        "environment": "what is read, and what is set",
        "files": "what each is, and what may be deleted",
        "states": "the words of `tars status` and `--json`",
        "errors": "every one, word for word",
        "control-api": "HTTP on one Unix socket: its routes and messages",
    },
    "Behind it": {
        "durability": "`kill -9`, power cuts, full disks, a database that is away",
        "processes": "nothing that it started stays behind",
        "performance": "measured, with what was not reached",
        "comparison": "supervisors, drivers and accountants, and where each is better",
    },
}
#: What is not a page of the documentation's own.
_NOT_LISTED = {"index"}


def page(folder: Path = DOCS) -> str:
    """Give the whole page as Markdown; a page that is not there yet is left out."""
    parts = []
    for section, pages in sections(folder).items():
        lines = [_line(folder / f"{name}.md", what) for name, what in pages.items()]
        parts.append(f"## {section}\n\n{''.join(lines)}")
    return INTRODUCTION + "\n".join(parts)


def sections(folder: Path = DOCS) -> dict[str, dict[str, str]]:
    """Give the pages that there are, by their sections."""
    there = {path.stem for path in folder.glob("*.md")} - _NOT_LISTED
    listed = {name for pages in SECTIONS.values() for name in pages}
    found = {
        section: {name: what for name, what in pages.items() if name in there}
        for section, pages in SECTIONS.items()
    }
    last = next(reversed(found))
    found[last] |= dict.fromkeys(sorted(there - listed), "")
    return found


def title(page: Path) -> str:
    """Give the title of a page: its first line. Raises ValueError for one without."""
    first = page.read_text().partition("\n")[0]
    if not first.startswith("# "):
        raise ValueError(f"{page.name} does not begin with its title")
    return first.removeprefix("# ")


def _line(page: Path, what: str) -> str:
    told = f": {what}" if what else ""
    return f"- [{title(page)}]({page.name}){told}\n"
