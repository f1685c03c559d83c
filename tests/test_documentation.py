"""The pages that people read: what is generated is fresh, what is linked is there."""

import re
from pathlib import Path

import pytest

from docs.generating.commands import commands, groups, shown_in, typed
from docs.generating.layout import layout
from docs.generating.pages import MAKERS
from docs.generating.parts import SOURCES, with_part

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

#: What a page cannot have typed, and the test that calls it instead.
NOT_TYPED = {
    "attach": ROOT / "tests" / "e2e" / "test_attach.py",
    "tui": ROOT / "tests" / "tui" / "test_terminal.py",
    "acp": ROOT / "tests" / "e2e" / "test_acp_face.py",
}


@pytest.mark.parametrize("page", MAKERS, ids=lambda path: path.name)
def test_what_is_printed_from_the_code_is_what_the_code_says(page: Path) -> None:
    """After a new module, option, key, message or page, or a changed contract: `make docs`."""
    assert page.read_text() == MAKERS[page](), "run `make docs`"


def test_every_package_and_module_has_its_place_in_the_layout() -> None:
    """Nothing of tars is missing from the page that says what is where."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    part = page.partition("<!-- layout:begin -->")[2].partition("<!-- layout:end -->")[0]
    words = set(re.findall(r"[\w./]+", part))
    modules = {m.name for m in SOURCES.glob("*.py")}
    inner = {m.stem for m in SOURCES.glob("*/*.py") if not m.stem.startswith("__")}
    assert (modules | inner) - words == set()


def test_a_page_without_its_place_is_an_error() -> None:
    """A part is never dropped silently because somebody removed its marks."""
    with pytest.raises(ValueError, match="no part 'layout'"):
        with_part("# A page\n", "layout", "text")


def test_a_module_that_says_nothing_is_an_error(tmp_path: Path) -> None:
    """The layout has a line for each module, so each has a docstring."""
    (tmp_path / "silent.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="says nothing about itself"):
        layout(tmp_path)


@pytest.mark.parametrize("words", [*commands(), *groups()])
def test_every_command_is_on_a_page_that_is_typed(words: str) -> None:
    """What tars can do is shown somewhere, and a test types it from there."""
    if words in NOT_TYPED:
        assert f'"{words}"' in NOT_TYPED[words].read_text()
        assert any(f"tars {words}" in page.read_text() for page in PAGES)
    else:
        assert shown_in(words), f"no page shows `tars {words}`; docs/commands.md may"


@pytest.mark.parametrize("page", [p for p in PAGES if typed(p)], ids=lambda p: p.name)
def test_every_page_with_commands_has_its_test(page: Path) -> None:
    """The commands of a page are typed by a test that names it."""
    name = page.name
    quoted = re.compile(rf"""["/]{re.escape(name)}["']""")
    tests = (ROOT / "tests").rglob("test_*.py")
    readers = [t for t in tests if t != Path(__file__) and quoted.search(t.read_text())]
    assert readers, f"no test types {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_option_that_a_page_names_is_one(page: Path) -> None:
    """In whatever is typed or quoted as `tars COMMAND --option`."""
    options = {
        words: {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        for words, command in {**commands(), **groups()}.items()
    }
    text = page.read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    calls = re.findall(r"(?:`|^\$ )tars ([^`|]*?)(?:`|\||$)", text, re.MULTILINE)
    calls += re.findall(r"^tars ([^|#\n]*)", "".join(blocks), re.MULTILINE)
    for call in calls:
        # What stands behind -- is another command's.
        words = call.partition(" -- ")[0].split()
        begins = (" ".join(words[:number]) for number in (3, 2, 1))
        command = next((begin for begin in begins if begin in options), None)
        assert command or not words or not words[0].isalpha() or words[0].isupper(), call
        named = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert not command or named - options[command] <= {"--help"}, call
