"""What opencode asks a person: leave for a tool call, and questions of its own.

A question with choices is put to the person as a permission request whose options are the
choices; of several questions asked at once, each is one request, and opencode gets its
answer when all of them have one. Refusing one refuses them all.
"""

from dataclasses import dataclass, field
from typing import Any

from tars.agents.opencode import tools
from tars.agents.opencode.messages import Permission, Questions
from tars.conversation import shown
from tars.conversation.model import PermissionAsked, PermissionOption, Said

#: How many may be open at once; what goes beyond is refused.
MAX_OPEN = 64
#: How many choices one question may offer.
MAX_CHOICES = 50

#: The members of a request that matter most; a patch may be long.
_FIRST = ("command", "filepath", "patterns", "url")

_REFUSE = "reject"
_OPTIONS = (
    PermissionOption("once", "Allow once", "allow_once"),
    PermissionOption("always", "Allow always", "allow_always"),
    PermissionOption(_REFUSE, "Refuse", "reject_once"),
)

#: A request to the server: its path and its body.
Reply = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class _Open:
    """One request of opencode's. `labels` are a question's choices, `chosen` their answers."""

    id: str
    labels: list[list[str]] = field(default_factory=list)
    chosen: dict[int, str] = field(default_factory=dict)


class Asks:
    """Those that are open, by opencode's id."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def add_permission(self, asked: Permission, call_id: str, input: str = "") -> list[Said]:
        """Open it; nothing where it is open already, or too many are. `input` are the details
        of the call, where it was told."""
        if not self._add(_Open(asked.id)):
            return []
        command = asked.metadata.get("command")
        what = command if isinstance(command, str) and command else ", ".join(asked.patterns)
        title = tools.shortened(f"{asked.permission}: {what}" if what else asked.permission)
        kind = tools.kind(asked.permission)
        members = {"patterns": ", ".join(asked.patterns), **asked.metadata}
        details = shown.visible("\n".join(filter(None, (input, shown.details(members, _FIRST)))))
        return [PermissionAsked(asked.id, title, kind, _OPTIONS, call_id, details)]

    def add_questions(self, asked: Questions, call_id: str) -> list[Said]:
        labels = [[c.label for c in q.options[:MAX_CHOICES]] for q in asked.questions]
        if not labels or not all(labels) or not self._add(_Open(asked.id, labels)):
            return []
        return [
            PermissionAsked(
                f"{asked.id}#{number}",
                tools.shortened(question.question),
                "question",
                _choices(labels[number]),
                call_id,
                shown.details({"question": question.question}),
            )
            for number, question in enumerate(asked.questions)
        ]

    def answer(self, request_id: str, option_id: str | None) -> Reply | None:
        """Note an answer, and give what is to be sent, if it is complete now."""
        id, _, number = request_id.partition("#")
        asked = self._open.get(id)
        if asked is None:
            return None
        if not asked.labels:
            del self._open[id]
            known = option_id in {option.id for option in _OPTIONS}
            return _permission(id, option_id if known and option_id else _REFUSE)
        return self._answer_question(asked, number, option_id)

    def has(self, id: str) -> bool:
        return id in self._open

    def close(self, id: str) -> None:
        """Somebody else answered it."""
        self._open.pop(id, None)

    def refuse_all(self) -> list[Reply]:
        """Close them all, and give the refusals."""
        open, self._open = list(self._open.values()), {}
        return [refusal(asked.id) for asked in open]

    def _add(self, asked: _Open) -> bool:
        if asked.id in self._open or len(self._open) >= MAX_OPEN:
            return False
        self._open[asked.id] = asked
        return True

    def _answer_question(self, asked: _Open, number: str, option_id: str | None) -> Reply | None:
        at = int(number) if number.isdecimal() and number.isascii() else len(asked.labels)
        choice = option_id or ""
        chosen = int(choice) if choice.isdecimal() and choice.isascii() else -1
        if at >= len(asked.labels) or not 0 <= chosen < len(asked.labels[at]):
            del self._open[asked.id]
            return refusal(asked.id)
        asked.chosen[at] = asked.labels[at][chosen]
        if len(asked.chosen) < len(asked.labels):
            return None
        del self._open[asked.id]
        answers = [[asked.chosen[n]] for n in range(len(asked.labels))]
        return f"/question/{asked.id}/reply", {"answers": answers}


def refusal(id: str) -> Reply:
    """Refuse a request that is not open, or no longer."""
    return (f"/question/{id}/reject", {}) if id.startswith("que") else _permission(id, _REFUSE)


def _permission(id: str, reply: str) -> Reply:
    return f"/permission/{id}/reply", {"reply": reply}


def _choices(labels: list[str]) -> tuple[PermissionOption, ...]:
    offered = (
        PermissionOption(str(n), tools.shortened(label), "allow_once")
        for n, label in enumerate(labels)
    )
    return *offered, PermissionOption(_REFUSE, "Do not answer", "reject_once")
