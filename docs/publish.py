"""`make site`: the pages as a site in build/site, which needs no network and no server.

The pages are copied first: links out of docs/ lead to pages of the site then, marks for pictures
become pictures, and the index gets the contents of the site. The pages themselves stay as they
are: plain Markdown. Any warning of Sphinx fails, and so does whatever a page would fetch.
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS, BUILD = ROOT / "docs", ROOT / "build"
#: The project's own pages, beside those of docs/.
PROJECT = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
#: Where other files that are linked go.
FILES = "files"

_LINK = re.compile(r"(?<=\]\()([^)#\s]*)(#[^)\s]*)?(?=\))|(?<=\]: )(\S+)$", re.MULTILINE)
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
#: A figure and its unit stay on one line.
_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|/s|[KMG]i?B)\b)")
_PICTURE = re.compile(r"^<!-- picture: ([\w-]+) -->$", re.MULTILINE)
#: What a browser would fetch by itself from elsewhere.
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=\"(?:https?:)?//[^\"]*\""
    r"|<link[^>]*rel=\"(?:stylesheet|preload|icon)\"[^>]*href=\"(?:https?:)?//[^\"]*\""
    r"|(?:@import|url\()\s*['\"]?(?:https?:)?//[^'\")]*"
)

#: Makes the picture of a name in a folder, and gives its file; None where it cannot.
Draw = Callable[[str, Path], Path | None]


def stage(folder: Path, draw: Draw = lambda _name, _into: None) -> list[Path]:
    """Prepare the pages in an empty folder, and give them."""
    folder.mkdir(parents=True)
    pages = []
    for source in (*sorted(DOCS.glob("*.md")), *(ROOT / name for name in PROJECT)):
        page = folder / _name(source)
        text = _with_pictures(_relinked(source, folder), folder, draw)
        page.write_text(text + (_contents() if page.name == "index.md" else ""))
        pages.append(page)
    return pages


def foreign(folder: Path) -> Iterator[str]:
    """Name what the built pages and style sheets would fetch from elsewhere."""
    for path in sorted((*folder.rglob("*.html"), *folder.rglob("*.css"))):
        for found in _FETCHED.finditer(path.read_text(errors="replace")):
            yield f"{path.relative_to(folder)}: {found[0]}"


def _name(source: Path) -> str:
    return source.name if source.parent == DOCS else source.name.lower()


def _relinked(source: Path, folder: Path) -> str:
    """A page with its links as they are in the site; what stands in code is none."""
    pieces = _CODE.split(source.read_text())
    return "".join(
        piece if number % 2 else _text(piece, source, folder) for number, piece in enumerate(pieces)
    )


def _text(piece: str, source: Path, folder: Path) -> str:
    relinked = _LINK.sub(lambda link: _target(link, source, folder), piece)
    return _UNIT.sub("\N{NO-BREAK SPACE}", relinked)


def _target(link: re.Match[str], source: Path, folder: Path) -> str:
    path, anchor = link[1] or (link[3] or "").partition("#")[0], link[2] or ""
    if not path or "://" in path:
        return link[0]
    file = (source.parent / path).resolve()
    if file.suffix == ".md" and (file.parent == DOCS or file.name in PROJECT):
        return f"{_name(file)}{anchor}"
    copy = folder / FILES / file.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if file.is_file():
        shutil.copyfile(file, copy)
    return str(copy.relative_to(folder))


def _with_pictures(text: str, folder: Path, draw: Draw) -> str:
    def shown(mark: re.Match[str]) -> str:
        pictures = folder / "pictures"
        pictures.mkdir(exist_ok=True)
        there = next(pictures.glob(f"{mark[1]}.*"), None) or draw(mark[1], pictures)
        return f"![`tars {mark[1].replace('-', ' ')}`](pictures/{there.name})" if there else ""

    return _PICTURE.sub(shown, text)


def _contents() -> str:
    """The contents of the site, by sections; hidden in the page, which lists them in its words."""
    from docs.generating.index import sections

    listed = {section: list(pages) for section, pages in sections().items()}
    listed["The project"] = [name.removesuffix(".md").lower() for name in PROJECT]
    parts = (
        "\n```{toctree}\n:hidden:\n:caption: " + section + "\n\n" + "\n".join(pages) + "\n```\n"
        for section, pages in listed.items()
    )
    return "".join(parts)


def main() -> int:
    # As a script only this folder would be looked in.
    sys.path.insert(0, str(ROOT))
    from sphinx.cmd.build import build_main

    from docs import pictures

    source, site = BUILD / "site-source", BUILD / "site"
    for folder in (source, site):
        shutil.rmtree(folder, ignore_errors=True)
    with pictures.studio() as draw:
        stage(source, draw)
    cache = str(BUILD / "site-cache")
    options = ["-q", "-E", "-W", "--keep-going", "-d", cache, "-c", str(DOCS)]
    status = build_main([*options, str(source), str(site)])
    fetched = list(foreign(site))
    for each in fetched:
        print(f"fetched from elsewhere: {each}", file=sys.stderr)
    if status == 0 and not fetched:
        print(f"{site}/index.html")
    return status or bool(fetched)


if __name__ == "__main__":
    sys.exit(main())
