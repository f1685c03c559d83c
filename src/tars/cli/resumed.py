"""Which conversation is gone on with, in one line."""

from tars.cli.render import count, one_line, seconds, seconds_until
from tars.control.session_contract import Session


def resumed_line(session: Session) -> str:
    """Name it, and say how old it is and how much was said in it."""
    words = one_line(session.name or session.title) or session.id
    ago = seconds(max(0.0, -(seconds_until(session.last_activity_at) or 0.0)))
    turns = count(session.spent.turns, "turn")
    return f"Resuming {words} ({session.agent}, {turns}, last used {ago} ago)."
