"""The pages hang together: each link leads somewhere, on a code host and in the site alike."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import Error  # type: ignore[import-untyped]

from docs.generating import index

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    """A page as Markdown has it."""
    return tuple(MarkdownIt("commonmark").enable("table").parse(page.read_text()))


def links(page: Path) -> list[str]:
    """Every target of a link or a picture that is not elsewhere on the network."""
    inner = [child for token in tokens(page) for child in token.children or ()]
    found = [str(child.attrGet("href") or child.attrGet("src") or "") for child in inner]
    return [unquote(target) for target in found if target and "://" not in target]


@cache
def anchors(page: Path) -> frozenset[str]:
    """What a heading can be linked by, as code hosts name it."""
    found: dict[str, int] = {}
    parts = tokens(page)
    for opening, inline in pairwise(parts):
        if opening.type == "heading_open":
            words = "".join(child.content for child in inline.children or ())
            name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found[name] = found.get(name, -1) + 1
    repeats = {f"{name}-{n}" for name, times in found.items() for n in range(1, times + 1)}
    return frozenset(found) | repeats


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_to_a_heading_that_is_there(page: Path) -> None:
    """Pages name files of this repository by paths that exist, and headings by their anchors."""
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_begins_with_its_only_title_and_skips_no_level(page: Path) -> None:
    """Both the site's contents and whoever listens to the page go by the headings."""
    levels = [int(token.tag[1]) for token in tokens(page) if token.type == "heading_open"]
    assert levels[:1] == [1]
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_a_page_reads_well_where_nothing_builds_it(page: Path) -> None:
    """What only the site's generator understands stands in none: directives, labels and roles."""
    assert not re.search(r"^(```\{|:::|\(\w+\)=$)", page.read_text(), re.MULTILINE)
    for token in tokens(page):
        parts = token.children or []
        for before, after in pairwise(parts):
            assert not (after.type == "code_inline" and re.search(r"\{\w+\}$", before.content))


#: For what there is no lexer `docs/conf.py` has one.
OWN_LEXERS = {"toon"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_block_of_code_is_in_a_language_that_can_be_coloured(page: Path) -> None:
    """The site's generator warns otherwise, and a warning fails there."""
    for block in (token for token in tokens(page) if token.type == "fence" and token.info):
        if block.info not in OWN_LEXERS:
            lexed = get_lexer_by_name(block.info).get_tokens(block.content)
            assert Error not in {kind for kind, _ in lexed}, block.content


def test_every_page_is_in_the_index_once() -> None:
    """Also one that was written after the index."""
    listed = links(DOCS / "index.md")
    for page in DOCS.glob("*.md"):
        assert page.name == "index.md" or listed.count(page.name) == 1, page.name


def test_a_page_that_no_section_names_is_listed_all_the_same(tmp_path: Path) -> None:
    """In the last section, by its title; a page that is not there yet is left out."""
    (tmp_path / "novel.md").write_text("# Something new\n")
    (tmp_path / "start.md").write_text("# A start\n")
    assert index.sections(tmp_path)["Start"].keys() == {"start"}
    made = index.page(tmp_path)
    assert made.endswith("- [Something new](novel.md)\n")
    assert "codex" not in made


def test_a_page_without_a_title_is_an_error(tmp_path: Path) -> None:
    """The index would have no name for it."""
    (tmp_path / "nameless.md").write_text("Some words.\n")
    with pytest.raises(ValueError, match=r"nameless\.md does not begin with its title"):
        index.page(tmp_path)
