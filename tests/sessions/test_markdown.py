"""A page of Markdown stays what it is, whatever was said in the session."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tars.sessions.export_format import (
    Figures,
    MessagePart,
    NotePart,
    Record,
    SessionPart,
    ToolCallPart,
    TurnPart,
)
from tars.sessions.markdown import closed, fenced, pages
from tests.support.exports import AT, LATER

NASTY = [
    "```\nnever closed",
    "~~~~\nnever closed",
    "<!-- never closed",
    "<script>",
    "</details>\n</details>",
    "<![CDATA[",
    "---\nid: other\n---",
    "text\n===",
    "`````` ``` `",
    "> quoted\n```",
    "a\r\nb\rc",
    "\u202e\0\x1b[31m",
    "- list\n  ```",
    "a <details> b",
    "a ` b\nc ` <details> ` d",
    "1. > ~~~\n   > x",
]
SESSION = SessionPart(id="s1", agent="gemini", created_at=AT, last_activity_at=LATER)


def call(output: str, title: str = "Read") -> ToolCallPart:
    return ToolCallPart(
        number=1, id="c", kind="read", title=title, output=output, files=[title], began_at=AT
    )


def message(role: Any, text: str) -> MessagePart:
    return MessagePart(number=0, role=role, text=text, began_at=AT)


def page(*records: Record) -> str:
    return "".join(pages(records))


def tokens_of(text: str) -> list[Token]:
    return MarkdownIt("commonmark").parse(text)


def top_level(text: str) -> list[str]:
    """What a reader of Markdown sees at the page's top level after the front matter."""
    body = text.split("\n---\n", 1)[1]
    tokens = MarkdownIt("commonmark").parse(body)
    return [
        f"{t.type}:{next_t.content}"
        for t, next_t in zip(tokens, [*tokens[1:], tokens[-1]], strict=True)
        if t.level == 0 and t.type in ("heading_open", "html_block", "hr")
    ]


def test_a_page_is_pleasant_to_read() -> None:
    """Front matter, turns with what they used, tool calls folded."""
    session = SessionPart(
        id="s1",
        agent="gemini",
        name="login",
        title="Mend the login",
        created_at=AT,
        last_activity_at=LATER,
        figures=Figures(turns=1, tokens=1500, cost_microusd=120, costed_turns=1),
        notes=[NotePart(at=AT, text="good")],
    )
    turn = TurnPart(
        id="t", began_at=AT, ended_at=LATER, outcome="ok", net_input=1500, cost_microusd=120
    )
    text = page(session, turn, message("user", "Go"), call("code"), message("assistant", "*Done*"))
    assert text == (
        '---\nid: "s1"\nname: "login"\nagent: "gemini"\nmachine: ""\nstatus: "completed"\n'
        'started: "2026-03-01T12:00:00.123456Z"\nlastActivity: "2026-03-01T12:00:05.000001Z"\n'
        'turns: 1\ntokens: 1500\ncostUsd: "0.000120"\n---\n\n# Mend the login\n\n'
        "> **Note**, 2026-03-01 12:00:00 UTC\n> good\n\n"
        "## Turn 1\n\n2026-03-01 12:00:00 UTC · ok · 1,500 tokens · $0.000120\n\n"
        "**User**\n\n> Go\n\n"
        "<details><summary>read: Read (completed)</summary>\n\n- `Read`\n\n"
        "```\ncode\n```\n\n</details>\n\n**Assistant**\n\n*Done*\n"
    )


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_was_said_breaks_out_of_its_place(text: str) -> None:
    """The turn that follows is a heading still, and its call is folded, whatever came before."""
    turn = TurnPart(id="t", began_at=AT)
    parts = [message(role, text) for role in ("user", "assistant", "thought")]
    whole = page(SESSION, turn, *parts, call(text, text), turn, message("user", "end"))
    seen = top_level(whole)
    turns = [each for each in seen if each.startswith("heading_open:Turn")]
    assert turns == ["heading_open:Turn 1", "heading_open:Turn 2"], whole
    assert not any(t.type == "html_inline" for t in inner_most(tokens_of(whole))), whole
    # Two foldings, each opened and closed.
    assert sum(each.startswith("html_block") for each in seen) == 4, whole


@given(st.text("`~<!-x \n", max_size=40))
def test_a_fence_is_never_ended_from_within(text: str) -> None:
    """What is put into a fence is one block of code, and nothing beside it."""
    tokens = MarkdownIt("commonmark").parse(fenced(text))
    assert [t.type for t in tokens] == ["fence"]


@given(st.text("`~<!-/ax> \n", max_size=40))
def test_what_is_closed_ends_where_it_ends(text: str) -> None:
    """A heading after a closed text is a heading, and no tag of it is one."""
    whole = closed(text)
    if whole is not None:
        tokens = MarkdownIt("commonmark").parse(f"{whole}\n\n## after\n")
        assert [t.content for t in tokens[-2:] if t.type == "inline"] == ["after"], whole
        inline = [inner for token in tokens for inner in token.children or ()]
        assert not any(t.type.startswith("html") for t in (*tokens, *inner_most(inline))), whole


def inner_most(tokens: list[Token]) -> list[Token]:
    return [*tokens, *(inner for token in tokens for inner in token.children or ())]


def test_ordinary_markdown_stays_as_it_is() -> None:
    """Lists, code and emphasis are not touched."""
    text = "# Title\n\n- a\n- `<b>` **c**\n\n```html\n<p>\n```\n\n1 < 2"
    assert closed(text) == text
    assert closed("- list\n  ```\n  code\n  ```") is None


def test_front_matter_cannot_be_written_from_within() -> None:
    """A name with line ends stays one value."""
    session = SessionPart(
        id="a\nb: c", agent='"\n---\n', created_at=AT, last_activity_at=AT, project="\x85x"
    )
    front = page(session).split("\n---\n")[0]
    assert len(front.splitlines()) == 10
