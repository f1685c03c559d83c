"""The sums of a session in words: what is not counted, or only bounded, says so. Pure."""

TYPE_CHECKING = False  # a report has these words too, and imports no contract
if TYPE_CHECKING:
    from tars.control.status_contract import SessionFields, Status, TodayStatus, TokensStatus


def sums_of(status: "Status", session: "SessionFields") -> list[tuple[str, str]]:
    """Give the lines, label and value, on the tokens of the default agent's session."""
    agents = (a.tokens for a in status.agents if a.name == status.default_agent)
    tokens = next(agents, None)
    if tokens is not None and not tokens.counted:
        return [("tokens", "not counted: nobody tells what it uses")]
    most, least = bounds(tokens)
    return [
        ("context", most + _tokens(session.total_input_tokens)),
        ("cached", f"{most}{_tokens(session.total_cached_tokens)} of the context"),
        ("last input", _tokens(session.last_input_tokens)),
        ("net input", f"{least}{_tokens(session.total_net_tokens)} in all"),
        ("output", f"{least}{_tokens(session.total_output_tokens)} in all"),
    ]


def in_short(tokens: "TokensStatus") -> str:
    """Give the sums of an agent's session in one line."""
    if not tokens.counted:
        return "not counted"
    most, least = bounds(tokens)
    sums = f"{least}{tokens.net_input:,} in and {tokens.output:,} out in all"
    return f"{most}{tokens.context:,} of context, {sums}"


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
