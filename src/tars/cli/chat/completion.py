"""What may follow what is typed after a slash: commands, sessions, models, agents."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from tars.cli.chat.slash import COMMANDS


@dataclass(slots=True)
class Choices:
    """What is known to choose from; the chat brings it up to date now and then. `sessions` has a
    title for each word that means one."""

    sessions: dict[str, str] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)


class Slash(Completer):
    """Completes a command and its argument, and nothing else."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not text.startswith("/") or text.startswith("//") or "\n" in document.text:
            return
        name, blank, typed = text[1:].partition(" ")
        if not blank:
            for command, what in COMMANDS.items():
                if command.startswith(name.lower()):
                    about = what.about
                    yield Completion(f"/{command}", -len(text), display_meta=about)
            return
        for word, about in self._arguments(name).items():
            if word.lower().startswith(typed.lower()):
                yield Completion(word, -len(typed), display_meta=about)

    def _arguments(self, command: str) -> dict[str, str]:
        match command:
            case "resume":
                return self._choices.sessions
            case "model":
                return dict.fromkeys(self._choices.models, "")
            case "mode":
                return dict.fromkeys(self._choices.modes, "")
            case "new":
                return dict.fromkeys(self._choices.agents, "")
            case "sessions":
                return {"all": ""}
            case _:
                return {}
