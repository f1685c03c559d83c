"""The generated parts of the documentation: `make docs` writes them, a test compares them.

What a page says of the code is printed from the code, so that it cannot grow old. A part
of a page stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`; the rest of the
page is written by hand.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from tars.agents.knowledge import page_part
from tars.agents.registry import KINDS
from tars.cli.app import app
from tars.control import reference
from tars.core.diagram import diagram
from tars.prices import shipped, snapshot
from tars.prices.kept import package_stamp

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "tars"
#: Where the descriptions of the layout begin, and how wide a line of it may be.
INDENT, WIDTH = 24, 100
#: What may have commands that a test types as they stand there.
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
#: Groups of commands that do something by themselves.
ALONE = ("sessions", "agents", "permissions", "status")


def pages() -> dict[Path, str]:
    """Give every page that has generated parts, as it should be."""
    architecture = ROOT / "ARCHITECTURE.md"
    text = architecture.read_text()
    text = with_part(text, "layout", f"```\n{layout()}```\n")
    text = with_part(text, "memory", modules("store") + modules("sessions"))
    text = with_part(text, "lifecycle", diagram())
    agents = ROOT / "docs" / "agents.md"
    commands = ROOT / "docs" / "commands.md"
    return {
        architecture: text,
        ROOT / "docs" / "control-api.md": reference.page(),
        agents: with_part(agents.read_text(), "knowledge", page_part(KINDS)),
        commands: with_part(commands.read_text(), "commands", command_table()),
        shipped.PATH: shipped.text(snapshot.packaged(datetime.now(UTC), package_stamp())),
    }


def with_part(page: str, name: str, part: str) -> str:
    """Replace one generated part. Raises ValueError if the page has no place for it."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"the page has no part {name!r}")
    return f"{before}{begin}{part}{end}{after}"


def layout(sources: Path = SOURCES) -> str:
    """Print every module by the first line of its docstring, and what each package holds."""
    modules = sorted(sources.glob("*.py"))
    packages = sorted(path.parent for path in sources.glob("*/__init__.py"))
    lines = [_entry(m.name, _first_line(m)) for m in modules]
    for package in packages:
        lines.append(_entry(f"{package.name}/", _first_line(package / "__init__.py")))
        lines.append(_entry("", " · ".join(_names(package))))
    return "\n".join(lines) + "\n"


def modules(package: str) -> str:
    """Print a table of the modules of a package, each with the first line of its docstring."""
    rows = [f"| `{package}/` | |", "| --- | --- |"]
    for name in _names(SOURCES / package):
        if not name.endswith("/"):
            rows.append(f"| `{name}` | {_first_line(SOURCES / package / f'{name}.py')} |")
    return "\n".join(rows) + "\n\n"


def commands() -> dict[str, Any]:
    """Give every command by the words that call it; a group is none."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    return dict(_below(root, root.make_context("tars", ["status"])))


def groups() -> dict[str, Any]:
    """Give the groups that do something by themselves, by their names."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    context = root.make_context("tars", ["status"])
    return {name: root.get_command(context, name) for name in ALONE}


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
    rows = ["| command | what it does | shown in |", "| --- | --- | --- |"]
    for words, command in sorted((commands() | groups()).items()):
        links = ", ".join(_link(page) for page in shown_in(words))
        rows.append(f"| `tars {words}` | {_first_sentence(command.help)} | {links} |")
    return "\n".join(rows) + "\n"


def _names(package: Path) -> Iterator[str]:
    """The modules of a package, then its packages with a slash."""
    yield from sorted(m.stem for m in package.glob("*.py") if not m.stem.startswith("__"))
    yield from sorted(f"{p.parent.name}/" for p in package.glob("*/__init__.py"))


def _first_line(module: Path) -> str:
    """Raises ValueError for a module without a docstring."""
    docstring = ast.get_docstring(ast.parse(module.read_text()))
    if not docstring:
        raise ValueError(f"{module} says nothing about itself")
    return docstring.splitlines()[0]


def _entry(name: str, text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"  {name}".ljust(INDENT),
        subsequent_indent=" " * INDENT,
        break_on_hyphens=False,
    )


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


def _first_sentence(help: str) -> str:
    """The first paragraph of a help, on one line that a table takes."""
    return " ".join(help.partition("\n\n")[0].split()).replace("|", "\\|")


def main() -> None:
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
