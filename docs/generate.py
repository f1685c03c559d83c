"""The generated parts of the documentation: `make docs` writes them, a test compares them.

What a page says of the code is printed from the code, so that it cannot grow old. A part
of a page stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`; the rest of the
page is written by hand.
"""

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

from tars.agents.knowledge import page_part
from tars.agents.registry import KINDS
from tars.control import reference
from tars.core.diagram import diagram

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "tars"
#: Where the descriptions of the layout begin, and how wide a line of it may be.
INDENT, WIDTH = 24, 100


def pages() -> dict[Path, str]:
    """Give every page that has generated parts, as it should be."""
    architecture = ROOT / "ARCHITECTURE.md"
    text = architecture.read_text()
    text = with_part(text, "layout", f"```\n{layout()}```\n")
    text = with_part(text, "lifecycle", diagram())
    agents = ROOT / "docs" / "agents.md"
    return {
        architecture: text,
        ROOT / "docs" / "control-api.md": reference.page(),
        agents: with_part(agents.read_text(), "knowledge", page_part(KINDS)),
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


def main() -> None:
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
