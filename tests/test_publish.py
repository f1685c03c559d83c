"""The site is made of the pages: each link leads somewhere, and nothing comes from elsewhere."""

import re
from pathlib import Path

import pytest

from docs import pictures, publish
from docs.generating import index

DOCS = Path(__file__).parents[1] / "docs"


def drawn(name: str, into: Path) -> Path | None:
    """A picture of anything but one."""
    if name == "status":
        return None
    (into / f"{name}.svg").write_text("<svg/>")
    return into / f"{name}.svg"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "source"
    publish.stage(folder, drawn)
    return folder


def links(page: Path) -> list[str]:
    """The targets of a page's links and pictures; what is code has none."""
    text = publish._CODE.sub("", page.read_text())
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[\w+\]: (\S+)$", text, re.M)
    return [target for target in found if "://" not in target]


def test_every_link_of_the_site_leads_to_something_in_it(staged: Path) -> None:
    """Also those that lead out of docs/: they are pages of the site, or files beside them."""
    for page in staged.glob("*.md"):
        for target in links(page):
            path = target.partition("#")[0]
            assert not path.startswith(".."), (page.name, target)
            assert not path or (staged / path).is_file() or (staged / path).is_dir(), (
                page.name,
                target,
            )


def test_the_readme_is_a_page_and_the_example_a_file(staged: Path) -> None:
    """A page of the project is read in the site, and any other file is given as it is."""
    assert "readme.md" in links(staged / "index.md")
    assert "files/src/tars/config.example.toml" in links(staged / "configuration.md")


def test_what_stands_in_code_is_no_link(tmp_path: Path) -> None:
    """Commands and examples are shown as they are typed."""
    page = DOCS / "control-api.md"
    text = publish._relinked(page, tmp_path)
    blocks = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
    assert blocks.findall(text) == blocks.findall(page.read_text())


def test_the_index_has_every_page_once_in_its_contents(staged: Path) -> None:
    """By sections; the page itself stays as it is, above them."""
    text = (staged / "index.md").read_text()
    assert text.startswith((DOCS / "index.md").read_text().partition("\n")[0])
    contents = re.findall(r"^```\{toctree\}\n(?::[^\n]*\n)+\n(.*?)```$", text, re.M | re.DOTALL)
    listed = [page for part in contents for page in part.split()]
    assert sorted(f"{page}.md" for page in listed) == sorted(
        page.name for page in staged.glob("*.md") if page.name != "index.md"
    )
    assert len(contents) == len(index.SECTIONS) + 1


def test_a_mark_becomes_a_picture_or_nothing(tmp_path: Path) -> None:
    """A picture that cannot be drawn is left out, and the page reads on."""
    text = "Before\n\n<!-- picture: status -->\n\n<!-- picture: tui-costs -->\n"
    shown = publish._with_pictures(text, tmp_path, drawn)
    assert shown == "Before\n\n\n\n![`tars tui costs`](pictures/tui-costs.svg)\n"


def test_every_mark_names_a_picture_that_can_be_drawn() -> None:
    """A misspelt one would never be missed."""
    known = {*pictures.COMMANDS, *pictures.SCREENS, pictures.PAGE}
    for page in DOCS.glob("*.md"):
        assert set(publish._PICTURE.findall(page.read_text())) <= known, page.name


@pytest.mark.parametrize(
    "fetched",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css"/>',
        '<img alt="" src="http://example.org/a.png"/>',
        "<style>@import url(https://fonts.example/f)</style>",
    ],
)
def test_what_a_browser_would_fetch_from_elsewhere_is_found(tmp_path: Path, fetched: str) -> None:
    """The site has to work without a network; a link that somebody may follow is no harm."""
    (tmp_path / "a.html").write_text(f'<a href="https://example.org">there</a>{fetched}')
    (tmp_path / "b.html").write_text('<a href="https://example.org"><script src="x.js"></script>')
    assert len(list(publish.foreign(tmp_path))) == 1


def test_a_picture_of_a_terminal_brings_no_font_from_elsewhere() -> None:
    """The colours are there, and the text; the font is the reader's own."""
    picture = pictures.without_fonts(pictures.terminal("tars status", "\x1b[32mready\x1b[0m\n"))
    assert "ready" in picture
    assert "@font-face" not in picture
    assert "//cdn" not in picture


def test_a_figure_stays_with_its_unit(staged: Path) -> None:
    """In the site a column may be narrow; in code nothing is changed."""
    page = (staged / "comparison.md").read_text()
    assert re.search("[0-9]\N{NO-BREAK SPACE}ms", page)
    assert not re.search(r"\d (ms|MiB)\b", publish._CODE.sub("", page))
