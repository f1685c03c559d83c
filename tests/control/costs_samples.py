"""One of every message about what was spent."""

from tars.control import costs_contract as c

FIGURES = c.CostFigures(
    net_input_tokens=1_200,
    cache_read_tokens=9_000,
    cache_write_tokens=300,
    output_tokens=450,
    reasoning_tokens=120,
    total_tokens=10_950,
    requests=7,
    cost_usd=1.25,
    official_cost_usd=0.5,
    unpriced_tokens=0,
)
ROW = c.CostRow(
    agent="claude",
    model="claude-opus-4-5",
    net_input_tokens=1_200,
    cache_read_tokens=9_000,
    cache_write_tokens=300,
    output_tokens=450,
    reasoning_tokens=120,
    total_tokens=10_950,
    requests=7,
    cost_usd=1.25,
    official_cost_usd=0.5,
    unpriced_tokens=0,
)
RANGE = c.CostRange(from_time="2026-11-20T23:00:00.000Z", to_time=None, timezone="Europe/Berlin")
REPORT = c.CostReport(range=RANGE, rows=[ROW], totals=FIGURES, unpriced_models=["mystery-1"])
SOURCE = c.LogSource(
    agent="claude",
    places=["/home/me/.claude/projects"],
    health="ok",
    files=3,
    sessions=2,
    requests=70,
    last_activity="2026-11-21T12:00:00.000Z",
)
SOURCES = c.LogSources(sources=[SOURCE])
SAMPLES = (FIGURES, ROW, RANGE, REPORT, SOURCE, SOURCES)
