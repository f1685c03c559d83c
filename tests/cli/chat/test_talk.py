"""What a chat shows of several turns that it hears of at once."""

from tars.cli.chat.links import Failed, Told
from tars.cli.chat.talk import Talk
from tars.control.contract import Accepted, FellBack, Notice, Started, Text, TurnResult, Wire
from tars.errors import TarsError


class Shown:
    """A chat without a terminal: what was shown, and what was given back."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.restored: list[str] = []
        self.talk = Talk(self.lines.extend, lambda: 79, rich=False, restore=self.restored.append)

    def sends(self, text: str) -> int:
        key = self.talk.sends(text)
        self.tell(key, "accepted", Accepted(turn=text, agent="echo", position=key - 1))
        return key

    def tell(self, key: int, name: str, event: Wire) -> None:
        self.talk.take(Told(key, name, event))

    def begins(self, key: int, turn: str, session: str = "s-1") -> None:
        self.tell(key, "started", Started(turn=turn, session=session))

    def ends(self, key: int, turn: str, agent: str = "echo", session: str = "s-1") -> None:
        result = TurnResult(turn=turn, agent=agent, outcome="ok", session=session, text=f"a {turn}")
        self.tell(key, "turn", result)

    def place(self, text: str) -> int:
        return next(n for n, line in enumerate(self.lines) if text in line)


def test_a_turn_is_shown_after_the_one_before_it_whichever_stream_is_quicker() -> None:
    """Each prompt has a stream of its own: the next one's may be heard of first."""
    shown = Shown()
    one, two = shown.sends("one"), shown.sends("two")
    shown.begins(one, "one")
    shown.begins(two, "two")
    shown.tell(two, "text", Text(text="a two\n"))
    shown.ends(two, "two")
    assert not [line for line in shown.lines if "two" in line]
    shown.ends(one, "one")
    assert shown.place("a one") < shown.place("two") < shown.place("a two")
    assert shown.talk.waiting == []


def test_a_turn_whose_stream_breaks_holds_up_nothing() -> None:
    """What came of the next one is shown then."""
    shown = Shown()
    one, two = shown.sends("one"), shown.sends("two")
    shown.begins(one, "one")
    shown.begins(two, "two")
    shown.talk.take(Failed(one, TarsError("gone")))
    shown.ends(two, "two")
    assert shown.place("a two")


def test_what_falls_back_leaves_the_conversation_as_it_is() -> None:
    """And does not hold up the next prompt, which the agent itself has."""
    shown = Shown()
    one, two = shown.sends("one"), shown.sends("two")
    shown.begins(one, "one")
    shown.tell(
        one,
        "fallback",
        FellBack(from_agent="echo", to_agent="other", turn="one-again", reason="It failed."),
    )
    shown.begins(one, "one-again", "s-other")
    shown.begins(two, "two")
    shown.ends(two, "two")
    assert shown.place("a two")
    shown.ends(one, "one-again", "other", "s-other")
    assert shown.talk.session == "s-1"


def test_what_looks_wrong_with_a_turn_is_told_in_it() -> None:
    """Between what was said before and after; the answer goes on."""
    shown = Shown()
    one = shown.sends("one")
    shown.begins(one, "one")
    shown.tell(one, "text", Text(text="first\n"))
    notice = Notice(
        kind="budget", subject="it", severity="over", message="All used.", advice="Wait."
    )
    shown.tell(one, "notice", notice)
    shown.tell(one, "text", Text(text="second\n"))
    shown.ends(one, "one")
    assert shown.place("first") < shown.place("All used. Wait.") < shown.place("second")
