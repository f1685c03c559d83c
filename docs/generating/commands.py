"""The commands of tars, and the pages that show each."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from docs.generating.parts import DOCS, ROOT, cell, first_line, table
from tars.cli.app import app

#: What may have commands that a test types as they stand there.
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
#: Groups of commands that do something by themselves.
ALONE = ("sessions", "agents", "permissions", "status")


def commands() -> dict[str, Any]:
    """Give every command by the words that call it; a group is none."""
    root, context = root_of()
    return dict(_below(root, context))


def groups() -> dict[str, Any]:
    """Give the groups that do something by themselves, by their names."""
    root, context = root_of()
    return {name: root.get_command(context, name) for name in ALONE}


def root_of() -> tuple[TyperGroup, Any]:
    """Give the root of all commands, with the context of a call of it."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    return root, root.make_context("tars", ["status"])


def typed(page: Path) -> list[str]:
    """Give the lines of a page that its test types: `sh` blocks of the README, `console` blocks
    elsewhere, where each line that is typed begins with a dollar."""
    kind, mark = ("sh", "") if page.name == "README.md" else ("console", "$ ")
    blocks = re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line.removeprefix(mark) for line in lines if line.startswith(mark)]


def shown_in(words: str) -> list[Path]:
    """Give the pages that type a command."""
    # What follows a group is another command.
    end = r"(?! [a-z])" if words in ALONE else ""
    call = re.compile(rf"\btars {re.escape(words)}(?![\w-]){end}")
    return [page for page in PAGES if any(call.search(line) for line in typed(page))]


def command_table() -> str:
    """Print every command, what it does, and the pages that show it."""
    rows = []
    for words, command in sorted((commands() | groups()).items()):
        links = ", ".join(_link(page) for page in shown_in(words))
        name = f"[`tars {words}`](cli.md#{anchor(words)})"
        rows.append([name, cell(first_line(command.help)), links])
    return table(("command", "what it does", "shown in"), rows)


def anchor(words: str) -> str:
    """Give the anchor of a command's heading in docs/cli.md."""
    return f"tars-{words.replace(' ', '-')}"


def _below(group: TyperGroup, context: Any) -> Iterator[tuple[str, Any]]:
    """The commands of a group and of the groups in it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            yield from ((f"{name} {sub}", found) for sub, found in _below(command, context))
        else:
            yield name, command


def _link(page: Path) -> str:
    up = "../" if page.parent == ROOT else ""
    return f"[{page.stem}]({up}{page.name})"
