"""ARCHITECTURE.md's parts: every module by the first line of its docstring."""

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

from docs.generating.parts import SOURCES

#: Where the descriptions of the layout begin, and how wide a line of it may be.
INDENT, WIDTH = 24, 100


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
