"""Markdown as it comes: the same however it is cut, within the width, and quick for anything."""

import re
import time

import pytest
from wcwidth import wcswidth

from tars.cli.chat.markdown import Markdown, rendered

TEXT = """# Title

A paragraph with **bold**, *italic*, `code` and [a link](https://example.org/x).
It goes on, with 日本語のテキストが続きますのでここで折り返されるはずです 👩‍👩‍👧 snake_case_word.

- first item that is so long that it has to be wrapped somewhere in the midst of it
- second
  - nested **two**
- [x] done

3. three:
   ```python
   def f(x):
       return "s" # comment
   ```

> quoted
> - with a list

| Name | Value |
|------|------:|
| a | 1 |
| long name here | 100000 and something that has to wrap in narrow columns |

---
2 * 3 * 4
"""
_SGR = re.compile(r"\x1b\[[\d;]*m")


def plain(lines: list[str]) -> list[str]:
    return [_SGR.sub("", line) for line in lines]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_is_the_same_however_it_is_cut(size: int, width: int) -> None:
    """Looking at what is not whole yet changes nothing; no line is too wide."""
    text = Markdown(lambda: width)
    out: list[str] = []
    for at in range(0, len(TEXT), size):
        out += text.feed(TEXT[at : at + size])
        text.live()
    out += text.end()
    assert out == rendered(TEXT.splitlines(), width)
    assert max(wcswidth(line) for line in plain(out)) <= width


def test_blocks_look_as_they_should() -> None:
    """Marks are gone, lists hang, code keeps its blanks, tables have columns."""
    lines = plain(rendered(TEXT.splitlines(), 80))
    assert lines[:3] == [
        "Title",
        "",
        "A paragraph with bold, italic, code and a link (https://example.org/x). It goes",
    ]
    assert "  • nested two" in lines
    assert "☑ done" in lines
    assert '         return "s" # comment' in lines
    assert "│ • with a list" in lines
    assert any(re.fullmatch(r"a +│ +1", line) for line in lines)
    assert lines[-1] == "2 * 3 * 4"


def test_what_is_under_way_can_be_looked_at() -> None:
    """A paragraph is given once it is whole; code line by line."""
    text = Markdown(lambda: 80)
    assert text.feed("some *unfin") == []
    assert text.live() == ["some *unfin"]
    assert plain(text.feed("ished* words\n\n```\none\ntw")) == [
        "some unfinished words",
        "",
        "  one",
    ]
    assert text.live() == ["  tw"]


@pytest.mark.parametrize(
    "text",
    ["*" * 50_000, "a " + "`" * 50_000, "[" * 50_000, "**a " * 12_000, "> " * 3_000, "- " * 3_000,
     "| a " * 5_000 + "\n|" + "-|" * 5_000, "<http://" * 6_000, "x" * 50_000],
    ids=lambda text: text[:6].strip(),
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    """All of it is linear, whatever an agent says; nothing is lost of what has no marks."""
    began = time.process_time()
    shown = Markdown(lambda: 80)
    out = shown.feed(text) + shown.end()
    assert time.process_time() - began < 3
    assert out
    if text[0] == "x":
        assert sum(map(len, out)) == len(text)
