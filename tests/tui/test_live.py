"""An agent's conversation as it goes on, kept to what a screen shows."""

from tars.control import contract as c
from tars.control.attach_contract import Attached, Prompted
from tars.tui.live import Live


def heard(*said: tuple[str, object]) -> Live:
    live = Live()
    for name, what in said:
        live.hear(name, what)
    return live


def shown(live: Live, width: int = 40, height: int = 20) -> list[str]:
    return live.text(width, height).plain.split("\n")


def test_a_turn_is_shown_as_it_went() -> None:
    """Prompt, thought, tool, answer in its pieces, and the end with its figures."""
    live = heard(
        ("attached", Attached(agent="a", protocol="acp", state="ready", screen=False)),
        ("prompt", Prompted(turn="t", text="Why?")),
        ("thought", c.Text(text="Hm.")),
        ("tool", c.Tool(id="1", title="ls", kind="execute", status="in_progress")),
        ("tool", c.Tool(id="1", title="ls", kind="execute", status="completed")),
        ("text", c.Text(text="Be")),
        ("text", c.Text(text="cause.")),
        ("turn", c.TurnResult(turn="t", agent="a", outcome="ok", duration_ms=1500)),
    )
    assert shown(live) == ["> Why?", "Hm.", "◆ ✓ ls", "Because.", "─ ok · 1.5 s · 0 in · 0 out"]


def test_who_joins_late_sees_what_the_turn_has_brought() -> None:
    """And nothing of an agent that was looked at before."""
    joined = Attached(agent="a", protocol="acp", state="busy", screen=False, text="So far")
    live = heard(("text", c.Text(text="of another")), ("attached", joined))
    assert shown(live) == ["So far"]


def test_only_the_end_is_shown_and_no_line_is_wider_than_the_view() -> None:
    """Ten megabytes in one answer cost no more than what is seen of them."""
    live = heard(("text", c.Text(text="x" * 10_000_000)), ("text", c.Text(text="\nlast")))
    lines = shown(live, width=30, height=4)
    assert len(lines) == 4
    assert lines[-1] == "last"
    assert all(len(line) <= 30 for line in lines)


def test_what_an_agent_says_commands_nothing() -> None:
    """Escapes are gone, and what turns the direction of writing is visible."""
    text = "\x1b[2J\x1b]0;title\x07red\x1b[31m \u202eback [bold]no markup[/]"
    found = heard(("text", c.Text(text=text)))
    assert shown(found, 80) == ["red \ufffdback [bold]no markup[/]"]


def test_a_fault_is_told_with_what_to_do() -> None:
    """Whose fault it is, and what mends it."""
    fault = c.FaultStatus(kind="auth", message="No key.", advice="Set GEMINI_API_KEY.")
    live = heard(("turn", c.TurnResult(turn="t", agent="a", outcome="error", error=fault)))
    assert shown(live, 60)[0] == "✗ No key. Set GEMINI_API_KEY."
