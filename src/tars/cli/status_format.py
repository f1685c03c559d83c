"""`tars status --format`: a line for each agent, by a template with the names of the JSON.

`{state}` is an agent's field, `{turn.id}` a field of a field; `{daemon.version}` and
`{today.costUsd}` are of everybody. What is not there is empty, and a list is how many it has.
"""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import msgspec
import typer

from tars.control.contract import AgentStatus, DaemonStatus, Status, TodayStatus, Wire
from tars.control.shown_text import printable

#: What stands beside the fields of an agent, and what is worked out of one.
_WHOLE: dict[str, type[Wire]] = {"daemon": DaemonStatus, "today": TodayStatus}
_MADE = ("agent", "context.percent", "defaultAgent", "warnings")


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and names of fields, one after the other; a text comes first and last."""

    texts: tuple[str, ...]
    fields: tuple[str, ...]

    @classmethod
    def read(cls, template: str) -> "Template":
        """Take it apart. Raises BadParameter for a field that there is not."""
        texts, fields = [""], []
        rest = template.replace("\\t", "\t").replace("\\n", "\n")
        while rest:
            sign, after = rest[0], rest[1:]
            if sign in "{}" and after[:1] == sign:
                texts[-1], rest = texts[-1] + sign, after[1:]
            elif sign == "{" and "}" in after:
                name, _, rest = after.partition("}")
                fields.append(_known(name.strip()))
                texts.append("")
            elif sign in "{}":
                raise _wrong(f"a {sign} stands alone; {sign * 2} is one")
            else:
                texts[-1], rest = texts[-1] + sign, after
        return cls(tuple(texts), tuple(fields))

    def lines(self, status: Status) -> str:
        """Give a line for each agent."""
        return "".join(f"{self._line(status, agent)}\n" for agent in status.agents)

    def _line(self, status: Status, agent: AgentStatus) -> str:
        words = [_word(_value(status, agent, name)) for name in self.fields]
        pairs = zip(self.texts, [*words, ""], strict=True)
        return "".join(text + word for text, word in pairs)


def names() -> list[str]:
    """Give the names of all fields, in their order."""
    found = {*_MADE, *_fields(AgentStatus)}
    for name, kind in _WHOLE.items():
        found |= {f"{name}.{field}" for field in _fields(kind)}
    return sorted(found)


def _known(name: str) -> str:
    if name in (known := names()):
        return name
    raise _wrong(f"there is no field {name!r}; there are {', '.join(known)}")


def _wrong(why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint="--format")


def _fields(kind: type[Wire]) -> Iterator[str]:
    """Give the fields of a message by their wire names, and of those that it holds."""
    for field in msgspec.structs.fields(kind):
        parts = get_args(field.type) if isinstance(field.type, types.UnionType) else (field.type,)
        inner = [part for part in parts if isinstance(part, type) and issubclass(part, Wire)]
        if not inner:
            yield field.encode_name
        for part in inner:
            yield from (f"{field.encode_name}.{name}" for name in _fields(part))


def _value(status: Status, agent: AgentStatus, name: str) -> object:
    full = agent.context
    made: dict[str, object] = {
        "agent": agent.name,
        "defaultAgent": status.default_agent,
        "warnings": status.warnings,
        "context.percent": full.used * 100 // full.size if full and full.size else None,
    }
    if name in made:
        return made[name]
    first = name.partition(".")[0]
    found: object = status if first in _WHOLE else agent
    for part in name.split("."):
        if found is None:
            return None
        (attribute,) = (
            field.name
            for field in msgspec.structs.fields(found)  # type: ignore[arg-type]
            if field.encode_name == part
        )
        found = getattr(found, attribute)
    return found


def _word(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | dict():
            return str(len(value))
        case _:
            return printable(str(value))
