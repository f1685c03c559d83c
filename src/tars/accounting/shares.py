"""A turn's tokens and its cost, split over its models so that no token is lost or counted twice."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from tars.accounting.usage import Ledger, ModelUsage, TurnUsage

#: The most that a count may be: an agent that made a number up must not break the sums.
MOST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Share:
    """What one model has of a turn. The kinds of tokens are disjoint, as in `Ledger`;
    `costed_turns` is 1 for the model that the turn's cost is put down to."""

    model: str
    requests: int = 0
    net_input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_microusd: int = 0
    costed_turns: int = 0


#: What is counted, and split.
FIGURES = tuple(field.name for field in fields(Share))[1:]


def shares(usage: TurnUsage, model: str) -> tuple[Share, ...]:
    """Split a turn's usage over its models; each figure's sum is exactly the turn's own.

    `model` is the one that the turn was for. A model gets what it was counted with, as far as
    the turn has it. The rest goes to the main one: `model`, or where that is none of those
    that were counted, the one with the most tokens. So does the cost, which agents tell for
    the whole turn only. Every turn has at least one share.
    """
    left = _whole(usage)
    counted = _by_name(usage.models)
    main = (
        model
        if model in counted or not counted
        else max(counted, key=lambda name: _tokens(counted[name]))
    )
    found = []
    for name in counted:
        if name != main:
            taken = {kind: min(counted[name][kind], left[kind]) for kind in FIGURES}
            left = {kind: left[kind] - taken[kind] for kind in FIGURES}
            found.append(Share(name, **taken))
    return (Share(main, **left), *found)


def _whole(usage: TurnUsage) -> dict[str, int]:
    tokens = Ledger.of(usage)
    return {
        "requests": _bounded(usage.requests),
        "net_input": _bounded(tokens.net_input),
        "cache_read": _bounded(tokens.cache_read),
        "cache_write": _bounded(tokens.cache_write),
        "output": _bounded(tokens.output),
        "reasoning": _bounded(tokens.reasoning),
        "cost_microusd": _bounded(usage.cost_microusd or 0),
        "costed_turns": int(usage.cost_microusd is not None),
    }


def _by_name(models: Sequence[ModelUsage]) -> dict[str, dict[str, int]]:
    """Add up what was counted of each model, in the ledger's kinds."""
    found: dict[str, dict[str, int]] = {}
    for each in models:
        sums = found.setdefault(each.model, dict.fromkeys(FIGURES, 0))
        for kind, count in _kinds(each).items():
            sums[kind] += max(0, count)
    return found


def _kinds(each: ModelUsage) -> dict[str, int]:
    return {
        "requests": each.requests,
        "net_input": each.input - each.cached - each.cache_write,
        "cache_read": each.cached,
        "cache_write": each.cache_write,
        "output": each.output + each.thoughts,
        "reasoning": each.thoughts,
    }


def _tokens(sums: dict[str, int]) -> int:
    return sums["net_input"] + sums["cache_read"] + sums["cache_write"] + sums["output"]


def _bounded(count: int) -> int:
    return max(0, min(count, MOST))
