"""The messages of other programs: what OpenAI, Anthropic, Gemini and their likes call content.

A message becomes what was said in it, in its order: texts, thoughts and tool calls. The result of
a call goes to the call.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from tars.sessions.export_format import Entry, MessagePart, RoleWord, ToolCallPart, wire_time
from tars.sessions.strict_json import dumps

_ROLES: dict[str, RoleWord] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "agent": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "tool_result": "tool",
    "thought": "thought",
    "thinking": "thought",
    "reasoning": "thought",
}
_TIMES = ("timestamp", "created_at", "createdAt", "time", "at")
_TEXTS = ("text", "input_text", "output_text")
_THOUGHTS = ("thinking", "reasoning", "thought")
_CALLS = ("tool_use", "tool_call", "function_call", "server_tool_use")
_RESULTS = ("tool_result", "function_call_output", "web_search_tool_result")
_PATHS = ("file_path", "filePath", "path", "file", "filename")
#: What is in the name of a tool, and which kind of tool it then is; the first one counts.
_KINDS = (
    ("read", ("read", "view", "cat", "open")),
    ("edit", ("write", "edit", "patch", "replace", "create")),
    ("delete", ("delete", "remove")),
    ("move", ("move", "rename")),
    ("search", ("grep", "glob", "search", "find", "ls")),
    ("fetch", ("fetch", "http", "browse")),
    ("execute", ("bash", "shell", "exec", "run", "command", "terminal")),
    ("think", ("think",)),
)


class Foreign(ValueError):
    """A file of another program that cannot be understood. `where` is the place in it."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.where = where


@dataclass(slots=True)
class _Text:
    role: RoleWord
    text: str
    at: datetime | None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    input: Any
    at: datetime | None
    output: str = ""
    failed: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


_Heard: TypeAlias = _Text | _Call


class Speaking:
    """One conversation as it is heard, message by message. `time` reads a time, or raises."""

    def __init__(self, where: str, time: Callable[[Any], datetime | None]) -> None:
        self.times: list[datetime] = []
        self._where = f"{where}.messages" if where else "messages"
        self._time = time
        self._heard: list[_Heard] = []
        self._calls: dict[str, _Call] = {}

    def hear(self, message: Any, place: int) -> None:
        """Take the next message. Raises Foreign."""
        where = f"{self._where}[{place}]"
        if not isinstance(message, dict):
            raise Foreign("a message should be an object", where)
        rest = dict(message)
        role = _role(rest, where)
        at = self._at(rest)
        calls = rest.pop("tool_calls", None) or []
        key = next((key for key in ("content", "parts", "text") if key in rest), None)
        if key is None and not calls:
            raise Foreign("a message without content", where)
        content = None if key is None else rest.pop(key)
        result_of = rest.pop("tool_call_id", None)
        if result_of is not None and isinstance(result_of, str) and result_of in self._calls:
            self._answer(self._calls[result_of], content, failed=False)
            self._calls[result_of].extra |= rest
            return
        first = len(self._heard)
        if role == "tool" and result_of is not None:
            rest["tool_call_id"] = result_of
        for part in content if isinstance(content, list) else [content]:
            self._part(part, role, at, where)
        for call in _list(calls, where):
            self.call(call, place, at)
        if len(self._heard) == first and not _only_results(content):
            self._heard.append(_Text(role, "", at))
        if rest and len(self._heard) > first:
            self._heard[first].extra = rest | self._heard[first].extra

    def call(self, call: Any, place: int, at: datetime | None = None) -> None:
        """Take a tool call that stands outside of the messages' content. Raises Foreign."""
        where = f"{self._where}[{place}]"
        if not isinstance(call, dict):
            raise Foreign("a tool call should be an object", where)
        rest = dict(call)
        function = rest.pop("function", None)
        if isinstance(function, dict):
            rest |= function
        when = self._at(rest) or at
        name = next((rest.pop(k) for k in ("name", "tool", "tool_name") if k in rest), "tool")
        names = ("arguments", "args", "input", "parameters")
        given = next((rest.pop(k) for k in names if k in rest), None)
        output = next((rest.pop(k) for k in ("result", "output") if k in rest), None)
        rest.pop("type", None)
        made = self._add_call(rest.pop("id", None), name, given, when)
        if output is not None:
            self._answer(made, output, failed=False)
        files = [rest[key] for key in _PATHS if isinstance(rest.get(key), str)]
        if files and not isinstance(made.input, dict):
            made.input = {"file": files[0]} if made.input is None else made.input
        made.extra |= rest

    def entries(self, begin: datetime) -> list[Entry]:
        """Give what was heard. What has no time has that of what came before it."""
        at, found = begin, list[Entry]()
        for heard in self._heard:
            at = heard.at or at
            match heard:
                case _Text():
                    found.append(
                        MessagePart(
                            role=heard.role,
                            text=heard.text,
                            began_at=wire_time(at),
                            ended_at=wire_time(at),
                            extra=heard.extra or None,
                        )
                    )
                case _Call():
                    found.append(_call_part(heard, at))
        return found

    def _part(self, part: Any, role: RoleWord, at: datetime | None, where: str) -> None:
        if part is None:
            return
        if isinstance(part, str):
            self._heard.append(_Text(role, part, at))
            return
        if not isinstance(part, dict):
            raise Foreign("content should be a text, or a list of parts", where)
        kind = part.get("type", "text" if "text" in part else "")
        if kind in _TEXTS and isinstance(part.get("text"), str):
            self._heard.append(_Text(role, part["text"], at))
        elif kind in _THOUGHTS:
            thought = part.get("thinking") or part.get("text") or ""
            self._heard.append(_Text("thought", _words(thought), at, {"part": part}))
        elif kind in _CALLS:
            given = part.get("input", part.get("arguments"))
            id = part.get("id") or part.get("call_id")
            self._add_call(id, part.get("name", "tool"), given, at)
        elif kind in _RESULTS:
            id = part.get("tool_use_id") or part.get("call_id")
            call = self._calls.get(id) if isinstance(id, str) else None
            answer = part.get("content", part.get("output"))
            if call is None:
                self._heard.append(_Text("tool", _words(answer), at, {"part": part}))
            else:
                self._answer(call, answer, failed=part.get("is_error") is True)
        else:
            shown = kind if isinstance(kind, str) and kind.isprintable() and kind else "part"
            self._heard.append(_Text(role, f"[{shown[:40]}]", at, {"part": part}))

    def _add_call(self, id: Any, name: Any, given: Any, at: datetime | None) -> _Call:
        known = id if isinstance(id, str) and id else f"call-{len(self._heard)}"
        call = _Call(known, name if isinstance(name, str) else "tool", given, at)
        self._calls[known] = call
        self._heard.append(call)
        return call

    def _answer(self, call: _Call, content: Any, *, failed: bool) -> None:
        said = _words(content)
        call.output = f"{call.output}\n{said}" if call.output else said
        call.failed = call.failed or failed

    def _at(self, rest: dict[str, Any]) -> datetime | None:
        key = next((key for key in _TIMES if rest.get(key) not in (None, "")), None)
        at = None if key is None else self._time(rest.pop(key))
        if at is not None:
            self.times.append(at)
        return at


def _role(rest: dict[str, Any], where: str) -> RoleWord:
    key = next((key for key in ("role", "type", "sender", "author") if key in rest), None)
    word = None if key is None else rest.pop(key)
    role = _ROLES.get(word.lower()) if isinstance(word, str) else None
    if role is None:
        raise Foreign("a message's role should be user, assistant, system or tool", where)
    return role


def _only_results(content: Any) -> bool:
    """Say whether the content was nothing but results, which went to their calls."""
    return isinstance(content, list) and bool(content)


def _call_part(call: _Call, at: datetime) -> ToolCallPart:
    given = call.input if isinstance(call.input, dict) else {}
    files = [given[key] for key in _PATHS if isinstance(given.get(key), str) and given[key]]
    extra = call.extra if call.input is None else {"input": call.input, **call.extra}
    return ToolCallPart(
        id=call.id,
        kind=_kind(call.name),
        title=call.name,
        status="failed" if call.failed else "completed",
        output=call.output,
        began_at=wire_time(at),
        ended_at=wire_time(at),
        files=sorted(set(files)),
        extra=extra or None,
    )


def _kind(name: str) -> str:
    low = name.lower()
    return next((kind for kind, signs in _KINDS if any(s in low for s in signs)), "other")


def _words(content: Any) -> str:
    """Give the text of a result, whatever it is made of."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_words(part) for part in content)
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return str(content["text"])
    return dumps(content)


def _list(found: Any, where: str) -> list[Any]:
    if not isinstance(found, list):
        raise Foreign("tool_calls should be a list", where)
    return found
