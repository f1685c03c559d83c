"""The sums of a session in words: what is not counted, or only bounded, says so. Pure."""

TYPE_CHECKING = False  # a report has these words too, and imports no contract
if TYPE_CHECKING:
    from tars.control.status_contract import (
        ContextStatus,
        SessionFields,
        Status,
        TodayStatus,
        TokensStatus,
    )

#: How many cells the bar of a context window has.
BAR_CELLS = 8


def sums_of(status: "Status", session: "SessionFields") -> list[tuple[str, list[str]]]:
    """Give the lines, label and parts, on the tokens of the default agent's session."""
    agent = next((a for a in status.agents if a.name == status.default_agent), None)
    tokens = None if agent is None else agent.tokens
    if tokens is not None and not tokens.counted:
        return [("tokens", ["not counted: nobody tells what it uses"])]
    most, least = bounds(tokens)
    window = None if agent is None else agent.context
    cached = session.total_cached_tokens
    # What an agent tells of its window is of now, the sums are of the last turn that ended.
    context = [most + _tokens(session.total_input_tokens)]
    if window is not None:
        context = [*([context_bar(window)] if window.size else []), _tokens(window.used)]
    return [
        ("context", [*context, *([f"{most}{cached:,} cached"] if cached else [])]),
        (
            "tokens",
            [
                f"{least}{session.total_net_tokens:,} net in",
                f"{least}{session.total_output_tokens:,} out",
                f"{session.last_input_tokens:,} in last",
            ],
        ),
    ]


def context_bar(context: "ContextStatus", cells: int = BAR_CELLS) -> str:
    """Give a bar of how full a context window is, and the share; the tokens alone where nobody
    knows how large it is."""
    if not context.size:
        return short(context.used)
    share = min(1.0, context.used / context.size)
    full = max(int(share * cells), 1 if context.used else 0)
    percent = context.used * 100 // context.size
    return f"▕{'█' * full}{'░' * (cells - full)}▏ {percent}% of {short(context.size)}"


def spent_today(today: "TodayStatus | None") -> str:
    """Say in a few words what today cost; nothing where that is not known."""
    return "" if today is None else of_today(today.text, today.tokens)


def of_today(spent: str, tokens: int) -> str:
    """Say it: `spent` is an amount of money, empty where nobody knows."""
    used = f"{short(tokens)} tok"
    return f"{spent} today · {used}" if spent else f"{used} today"


def short(number: int) -> str:
    """`950`, `45k`, `4.5M`; rounded down, so that it is never more than there is."""
    for size, unit in ((10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number * 10 // size / 10:g}{unit}"
    return f"{number // 1000}k" if number >= 1000 else str(number)


def bounds(tokens: "TokensStatus | None") -> tuple[str, str]:
    """Give what stands before the context, and before what was used in all."""
    if tokens is None:
        return "", ""
    most = "at most " if tokens.context_is_sum else ""
    return most, "at least " if tokens.at_least else ""


def _tokens(count: int) -> str:
    return f"{count:,} token" + ("" if count == 1 else "s")
