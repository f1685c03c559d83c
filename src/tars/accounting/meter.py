"""A turn's usage over ACP, from what one agent process says of it, by the agent's own rule.

The same field means per turn, last request, cumulative, or nothing: it depends on the
agent. What cannot be read with certainty is kept as it came, and counts nothing.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from tars.accounting import conventions
from tars.accounting.conventions import Convention, Tokens
from tars.accounting.detection import Detection, Evidence
from tars.accounting.rules import UsageRule
from tars.conversation.counters import Answer, Counters
from tars.conversation.model import ModelTokens, ReportedUsage, RequestUsage, Scope

#: Of how many sessions the last figures are remembered.
MAX_SESSIONS = 256

_SCOPES = {UsageRule.CUMULATIVE: Scope.PROCESS, UsageRule.LAST_STEP: Scope.REQUEST}


@dataclass(slots=True)
class _Session:
    """What a session's counters last said. None is unknown: an earlier process may have
    counted on. `filled` are the tokens in its context window, or 0."""

    figure: Tokens | None
    cost: int | None
    filled: int = 0


@dataclass(slots=True)
class _Turn:
    """A turn's evidence so far. `cost` is the session's, as it was last told."""

    session: _Session
    filled_before: int
    steps: int = 0
    message: str = ""
    calls: list[RequestUsage] = field(default_factory=list)
    cost: int | None = None


class Meter:
    """One process's. `rule` is the one in force: that of the configuration or of a known
    agent, or what its figures have told so far. `mint` begins the ids of what is counted;
    no other process may have the same. `restarts`: cumulative counters are known to begin at
    0 when an earlier session is opened."""

    def __init__(self, rule: UsageRule, mint: str, *, restarts: bool = False) -> None:
        self.rule = rule
        self._mint = mint
        self._restarts = restarts
        self._count = 0
        self._conventions: tuple[Convention, ...] = conventions.ALL
        self._detection = Detection()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._latest: _Session | None = None
        self._turn: _Turn | None = None

    # What happens.

    def opened(self, session_id: str, *, resumed: bool) -> None:
        """A session is open in this process. What an earlier one counted and cost in it is not
        known, so that none of it is taken for the next turn's."""
        known = not resumed or self._restarts
        self._sessions.pop(session_id, None)
        self._sessions[session_id] = _Session(Tokens() if known else None, None if resumed else 0)
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)

    def began(self, session_id: str) -> None:
        """A turn begins."""
        session = self._sessions.setdefault(session_id, _Session(None, None))
        self._turn = _Turn(session, session.filled)

    def tool(self) -> None:
        """The turn has a tool call: another request to the model follows it."""
        if self._turn is not None:
            self._turn.steps += 1

    def message(self, message_id: str) -> None:
        """The turn has a piece of this message of the model's."""
        turn = self._turn
        if turn is not None and message_id != turn.message:
            turn.steps += turn.message != ""
            turn.message = message_id

    def filled(self, session_id: str, used: int, cost_microusd: int | None) -> None:
        """The session's context window holds so much, and it has cost so much."""
        session = self._sessions.get(session_id)
        if session is None:
            return
        session.filled = used
        if cost_microusd is None:
            return
        if self._turn is not None and self._turn.session is session:
            self._turn.cost = cost_microusd
        else:
            session.cost = cost_microusd

    def called(self, counters: Counters, raw: str) -> RequestUsage | None:
        """The agent counted one request to the model."""
        if self.rule is UsageRule.DETECT:
            self.rule = UsageRule.PER_CALL
        turn = self._turn
        if turn is None or self.rule is not UsageRule.PER_CALL:
            return None
        request = self._request(self._tokens(counters), counters.model, Scope.REQUEST, raw)
        turn.calls.append(request)
        return request

    def ended(
        self, answer: Answer | None, *, whole: bool
    ) -> tuple[RequestUsage | None, ReportedUsage | None]:
        """The turn is over: give its counters for the record, and what it used where that is
        known. `whole` says that it was not cut short."""
        turn, self._turn = self._turn, None
        if turn is None:
            return None, None
        cost = _spent(turn)
        usage = self._usage(turn, answer) if self.rule is not UsageRule.NONE else None
        record = None if answer is None else self._record(answer, usage)
        if usage is None:
            bare = ReportedUsage(0, 0, cost_microusd=cost, at_least=True)
            return record, bare if cost else None
        at_least = usage.at_least or not whole
        return record, replace(usage, cost_microusd=cost, at_least=at_least)

    # What it means.

    def _usage(self, turn: _Turn, answer: Answer | None) -> ReportedUsage | None:
        if self.rule is UsageRule.PER_CALL:
            return _sum_of(turn.calls)
        if answer is None or answer.usage is None:
            return None
        figure = self._tokens(answer.usage)
        if figure is None:
            return None
        tokens = self._meaning(turn, figure)
        if figure.total:
            self._latest = turn.session
            turn.session.figure = figure
        if tokens is None or (not tokens.total and not answer.models):
            return None
        if self.rule is UsageRule.LAST_STEP:
            return _reported(tokens, requests=0 if turn.steps else 1, at_least=turn.steps > 0)
        if self.rule is UsageRule.PER_TURN:
            return self._with_models(tokens, answer.models)
        return _reported(tokens)

    def _meaning(self, turn: _Turn, figure: Tokens) -> Tokens | None:
        """What of the figure is this turn's; None where that is not certain."""
        if self.rule is UsageRule.CUMULATIVE:
            return self._since(turn.session, figure)
        if self.rule is not UsageRule.DETECT:
            return figure
        alone = self._latest in (None, turn.session)
        evidence = Evidence(
            before=turn.session.figure if alone else None,
            one_step=turn.steps == 0,
            filled=turn.session.filled,
            filled_before=turn.filled_before,
        )
        meant = self._detection.weigh(figure, evidence)
        self.rule = self._detection.rule
        return figure if meant is None and self.rule is UsageRule.LAST_STEP else meant

    def _since(self, session: _Session, figure: Tokens) -> Tokens | None:
        """The difference from the last figure. A figure that is below it began at 0 again."""
        other = self._latest
        if other is not None and other is not session and _covers(figure, other.figure):
            # Whether sessions are counted together is not known.
            return None
        before = session.figure
        if before is None:
            return None
        return figure - before if figure.at_least(before) else figure

    def _with_models(self, tokens: Tokens, models: tuple[Counters, ...]) -> ReportedUsage | None:
        """The split by model is the whole where it is more: it has the subagents, and the
        requests that the conversation does not show (Claude's)."""
        split = [(m, self._tokens(m)) for m in models]
        known = [(m.model, t) for m, t in split if t is not None]
        if len(known) < len(split):
            return _reported(tokens) if tokens.total else None
        whole = sum((t for _, t in known), Tokens())
        if whole.total < tokens.total:
            return _reported(tokens)
        if not whole.total:
            return None
        return replace(_reported(whole), models=tuple(_model(name, t) for name, t in known))

    def _tokens(self, counters: Counters) -> Tokens | None:
        """Read counters by the conventions that have held for all of them so far."""
        held = conventions.possible(counters)
        self._conventions = tuple(c for c in self._conventions if c in held) or held
        return conventions.normalised(counters, self._conventions)

    def _record(self, answer: Answer, usage: ReportedUsage | None) -> RequestUsage | None:
        """The counters as they came. Only those of a single request are added up with others."""
        if not answer.raw or (answer.usage is None and not answer.models):
            return None
        scope = _SCOPES.get(self.rule, Scope.TURN)
        tokens = None if usage is None else _of(usage)
        model = answer.models[0].model if len(answer.models) == 1 else ""
        return self._request(tokens, model, scope, answer.raw)

    def _request(self, tokens: Tokens | None, model: str, scope: Scope, raw: str) -> RequestUsage:
        self._count += 1
        counted = tokens or Tokens()
        return RequestUsage(
            id=f"{self._mint}-{self._count}",
            model=model,
            input=counted.input,
            output=counted.output,
            cached=counted.cached,
            cache_write=counted.cache_write,
            thoughts=counted.thoughts,
            scope=scope,
            raw=raw,
        )


def _spent(turn: _Turn) -> int | None:
    """What the turn cost: the difference of what the session did, where both are known."""
    before, now = turn.session.cost, turn.cost
    if now is None:
        return None
    turn.session.cost = now
    return now - before if before is not None and now >= before else None


def _covers(figure: Tokens, other: Tokens | None) -> bool:
    return other is not None and figure.at_least(other)


def _sum_of(calls: list[RequestUsage]) -> ReportedUsage | None:
    if not any(c.input or c.output or c.thoughts for c in calls):
        return None
    tokens = sum(
        (Tokens(c.input, c.output, c.cached, c.cache_write, c.thoughts) for c in calls), Tokens()
    )
    return _reported(tokens, requests=len(calls))


def _reported(tokens: Tokens, *, requests: int = 0, at_least: bool = False) -> ReportedUsage:
    return ReportedUsage(
        tokens.input,
        tokens.output,
        tokens.cached,
        tokens.thoughts,
        cache_write=tokens.cache_write,
        requests=requests,
        at_least=at_least,
    )


def _of(usage: ReportedUsage) -> Tokens:
    return Tokens(
        usage.input, usage.output, usage.cached or 0, usage.cache_write or 0, usage.thoughts or 0
    )


def _model(name: str, tokens: Tokens) -> ModelTokens:
    return ModelTokens(
        name, tokens.input, tokens.output, tokens.cached, tokens.thoughts, tokens.cache_write
    )
