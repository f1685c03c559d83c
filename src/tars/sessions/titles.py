"""What a session is titled that nobody gave a title: the beginning of what was asked first."""

from tars.conversation.shown import visible

LONGEST = 80


def title_of(text: str) -> str:
    """Give the first line of a prompt that says something, with nothing hidden in it."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line), "").replace("\t", " ")
    shown = visible(first[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
