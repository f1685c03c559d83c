"""Reports as the engine gives them, for what writes them down."""

from datetime import date

from tars.accounting.rates import DOLLAR, Tokens
from tars.costs.facts import Dimension, Figures, Line, Report
from tars.sessions.ranges import days, find_zone

UTC = find_zone("UTC")
MARCH = days(date(2026, 3, 1), date(2026, 4, 1), UTC)

#: Priced, half told by the agent, partly without a price, and wholly so.
OPUS = Figures(Tokens(1_200, 4_000_000, 300_000, 0, 25_000, 1_000, 340), 12 * DOLLAR + 345 * 10**9)
CODEX = Figures(Tokens(90_000, 1_000_000, 0, 0, 8_000, 5_000, 41), 2 * DOLLAR, official=DOLLAR)
HALF = Figures(Tokens(1_000, 0, 0, 0, 500, 0, 2), 10**9, unpriced=500)
FREE = Figures(Tokens(700, 0, 0, 0, 300, 0, 0), unpriced=1_000)
NOTHING = Figures()


def added(*every: Figures) -> Figures:
    """The sum, counted here on its own."""
    return Figures(
        Tokens(*(sum(column) for column in zip(*(each.tokens for each in every), strict=True))),
        sum(each.cost for each in every),
        sum(each.official for each in every),
        sum(each.unpriced for each in every),
    )


BY_MODEL = Report(
    by=(Dimension.AGENT, Dimension.MODEL),
    lines=(
        Line(("claude", "claude-opus-4-5-20251101"), OPUS),
        Line(("codex", "gpt-5.1-codex"), CODEX),
        Line(("codex", "local"), HALF),
        Line(("gemini", ""), FREE),
    ),
    total=added(OPUS, CODEX, HALF, FREE),
    unpriced=("", "local"),
)
BY_SESSION = Report(
    by=(Dimension.AGENT, Dimension.SESSION),
    lines=(Line(("claude", "5c0a1b2d-1"), OPUS), Line(("codex", "7f3e"), CODEX)),
    total=added(OPUS, CODEX),
    titles=("Mend the parser | \x1b[31mtoday\x1b[0m, at last and for good", ""),
)
DAILY = Report(
    by=(Dimension.DAY,),
    lines=(Line(("2026-03-01",), OPUS), Line(("2026-03-02",), CODEX)),
    total=added(OPUS, CODEX),
)
