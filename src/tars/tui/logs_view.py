"""The lines of a log on the screen: which of them are wanted, and how they look. Pure."""

from dataclasses import dataclass, replace

from rich.text import Text

from tars.control.log_text import LEVELS, STEP, LogEntry

_LEVELS = ("info", "warning", "error")
_STYLES = {"warning": "yellow", "error": "bold red", "critical": "bold red", "debug": "dim"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose lines (the daemon's where `agent` is None), from which level on, with which text; the
    daemon's single decisions are left out unless `steps`."""

    agent: str | None = None
    level: str = "info"
    steps: bool = False
    text: str = ""

    def takes(self, found: LogEntry) -> bool:
        """Say whether a line is wanted."""
        if found.text == STEP and found.level and not self.steps:
            return False
        if found.rank < LEVELS.index(self.level):
            return False
        wanted = self.text.casefold()
        return not wanted or wanted in f"{found.agent} {found.text} {found.facts}".casefold()

    def next_source(self, agents: tuple[str, ...]) -> "Wanted":
        """Give the one after this, of the daemon and the agents."""
        sources = (None, *agents)
        place = sources.index(self.agent) if self.agent in sources else -1
        return replace(self, agent=sources[(place + 1) % len(sources)])

    def next_level(self) -> "Wanted":
        """Give the next graver one, and after the gravest the first."""
        return replace(self, level=_LEVELS[(_LEVELS.index(self.level) + 1) % len(_LEVELS)])

    def other_steps(self) -> "Wanted":
        """Show decisions where they are not, and the other way round."""
        return replace(self, steps=not self.steps)

    def finding(self, text: str) -> "Wanted":
        """Narrow to a part of the line."""
        return replace(self, text=text)


def line(found: LogEntry) -> Text:
    """Lay out one line; its level is a word, and a colour besides."""
    if not found.level:
        return Text(found.text, no_wrap=True)
    style = _STYLES.get(found.level, "")
    return Text.assemble(
        (f"{found.at} ", "dim"),
        (f"{found.level:<8}", style),
        (f"{found.agent or 'tars':<11.11}", "cyan"),
        (f"{found.text} ", style),
        (found.facts, "dim"),
        no_wrap=True,
    )


def head(wanted: Wanted, *, following: bool) -> Text:
    """Say what is shown."""
    whose = "the daemon's log" if wanted.agent is None else f"stderr of {wanted.agent}"
    parts = [whose]
    if wanted.agent is None:
        parts.append("all levels" if wanted.level == "info" else f"{wanted.level} and graver")
        parts.append("with decisions" if wanted.steps else "without decisions")
    if wanted.text:
        parts.append(f"with {wanted.text!r}")
    parts.append("following" if following else "standing still")
    return Text(" · ".join(parts), style="dim", no_wrap=True, overflow="ellipsis")
