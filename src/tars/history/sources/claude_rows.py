"""What the answers in one of Claude Code's logs add up to: one row for each message."""

from typing import NamedTuple

from tars.accounting.rates import DOLLAR
from tars.history.source import Request, request_of
from tars.history.sources.claude_lines import DEAREST, UNKNOWN, Told, Usage, Written
from tars.history.timestamps import milliseconds

#: What Claude Code says itself, an error mostly.
_SYNTHETIC = "<synthetic>"
#: Of the rows of one message, a main conversation's beats the copy of a branch of it, and that
#: beats what a subagent's log repeats; only then the one with the most output.
_OWN, _COPIED, _REPEATED = 2 << 42, 1 << 42, 0
_NOTHING_WRITTEN = Written()


class File(NamedTuple):
    """What stands in for what a line leaves out: the session that the file is named for, and
    when it was written last."""

    session: str
    at: int


class Rows(dict[str, Told]):
    """The rows of one file, by what identifies their requests. `began` is when the file did, as
    far as it says: a line that is older is a copy."""

    def __init__(self, began: str) -> None:
        self.began = began

    def take(self, told: Told) -> bool:
        """Take a line if it is complete, as nearly all are; say whether it is. A message has
        several lines: this asks as little of each as it can."""
        message = told.message
        key, at = message.id, told.timestamp
        if not (key and at and message.usage.output_tokens and told.type == "assistant"):
            return False
        if not message.model or message.model == _SYNTHETIC:
            return False
        if at < self.began:
            _copied(told)
        known = self.get(key)
        self[key] = told if known is None else _better(known, told)
        return True

    def note(self, told: Told) -> None:
        """Note what any line tells, if that counts."""
        message = told.message
        if told.type != "assistant" or message.model == _SYNTHETIC:
            return
        if not message.usage.output_tokens and _nothing(message.usage):
            return
        if told.timestamp and told.timestamp < self.began:
            _copied(told)
        key = message.id or _own_key(told)
        known = self.get(key)
        self[key] = told if known is None else _better(known, told)

    def requests(self, file: File) -> list[Request]:
        """Give a request for each row."""
        return [_request(key, told, file) for key, told in self.items()]


def _copied(told: Told) -> None:
    """Note that a line is a copy: `--fork-session` begins a file, and then copies what was."""
    told.origin = told.origin or UNKNOWN


def _better(known: Told, told: Told) -> Told:
    """Give which of two rows of one request counts, with the earlier time of both."""
    if told.origin is known.origin and told.sidechain is known.sidechain:
        wins = (told.message.usage.output_tokens or 0) > (known.message.usage.output_tokens or 0)
    else:
        wins = _rank(told) > _rank(known)
    better, other = (told, known) if wins else (known, told)
    if better.timestamp != other.timestamp:
        better.timestamp = _earlier(better.timestamp, other.timestamp)
    return better


def _request(key: str, told: Told, file: File) -> Request:
    """Give the request that a line tells of."""
    message = told.message
    usage = message.usage
    output, written, hour, reasoning = usage.output_tokens or 0, 0, 0, 0
    if (parts := usage.cache_creation) is not None:
        hour = parts.ephemeral_1h_input_tokens or 0
        written = hour + (parts.ephemeral_5m_input_tokens or 0)
    if (details := usage.output_tokens_details) is not None:
        reasoning = min(details.thinking_tokens or 0, output)
    model = (message.model or "").removesuffix("[1m]")
    origin = told.origin.session if told.origin is not None else None
    return request_of(
        (
            key,
            origin or told.session or file.session,
            milliseconds(told.timestamp or "") or file.at,
            model,
            usage.input_tokens or 0,
            usage.cache_read_input_tokens or 0,
            max(written, usage.cache_creation_input_tokens or 0),
            hour,
            output,
            reasoning,
            "anthropic" if model.startswith("claude") else "",
            told.cwd or "",
            told.branch or "",
            _rank(told),
            _cost(told.dollars),
            bool(told.sidechain),
            1,
        )
    )


def _cost(dollars: float | None) -> int | None:
    """Give picodollars; 0 is no price, and neither is what no request costs."""
    return round(dollars * DOLLAR) if dollars is not None and 0 < dollars < DEAREST else None


def _nothing(usage: Usage) -> bool:
    inputs = usage.input_tokens or usage.cache_read_input_tokens
    parts = usage.cache_creation or _NOTHING_WRITTEN
    return not (
        inputs
        or usage.cache_creation_input_tokens
        or parts.ephemeral_5m_input_tokens
        or parts.ephemeral_1h_input_tokens
    )


def _rank(told: Told) -> int:
    output = told.message.usage.output_tokens or 0
    if told.sidechain:
        return _REPEATED + output
    return (_OWN if told.origin is None else _COPIED) + output


def _earlier(one: str | None, other: str | None) -> str | None:
    if not one or not other:
        return one or other
    if len(one) == len(other):
        return min(one, other)
    return one if (milliseconds(one) or 0) <= (milliseconds(other) or 0) else other


def _own_key(told: Told) -> str:
    """What identifies a row whose message has no id: some gateways give none."""
    if told.request:
        return f"request:{told.request}"
    return f"uuid:{told.uuid}" if told.uuid else f"at:{told.session}:{told.timestamp}"
