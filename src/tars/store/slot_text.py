"""The SQL by which turns become sums per quarter of an hour, as plain text for both databases.

Whoever keeps the sums uses it, and whoever reads a part of a quarter: to the letter the same.
"""

from tars.accounting.rates import SLOT_SECONDS, THRESHOLDS

TOKENS = ("net_input", "cache_read", "cache_write", "output", "reasoning")
#: The columns of `spent_slots`: what a sum is of, and what is summed up.
KEYS = ("slot", "machine", "agent", "session", "model", "task", "size", "official")
SUMS = ("requests", *TOKENS, "cost_microusd")

#: Brings every time that there is above 0, so that dividing it rounds down.
_SHIFT = 10**8
_SECONDS = {
    "sqlite": "CAST(strftime('%s', substr(t.ended_at, 1, 19)) AS INTEGER)",
    "postgresql": (
        "CAST(extract(epoch FROM CAST(substr(t.ended_at, 1, 19) AS timestamp)) AS bigint)"
    ),
}
_SIZES = " ".join(
    f"WHEN average > {THRESHOLDS[size - 1]} THEN {size}" for size in range(len(THRESHOLDS), 0, -1)
)
#: What each model has of each finished turn; a turn without a split has its own model alone.
_SHARES = f"""
WITH shares AS (
    SELECT {{slot}} AS slot, t.machine, t.agent, COALESCE(t.session, '') AS session,
        COALESCE(m.model, t.model) AS model, COALESCE(t.task, '') AS task,
        CASE WHEN t.cost_microusd IS NULL THEN 0 ELSE 1 END AS official,
        {", ".join(f"COALESCE(m.{name}, t.{name}, 0) AS {name}" for name in SUMS)},
        CASE WHEN t.context_is_sum THEN 0 ELSE t.context END AS context
    FROM turns AS t LEFT JOIN turn_models AS m ON m.turn = t.seq
    WHERE t.ended_at IS NOT NULL AND t.outcome IS NOT NULL AND {{which}}
), asked AS (
    SELECT shares.*, net_input + cache_read + cache_write AS prompt FROM shares
    WHERE {" + ".join(SUMS)} > 0
), sized AS (
    SELECT asked.*, CASE WHEN requests > 0 THEN prompt / requests
        WHEN context > 0 AND context < prompt THEN context ELSE prompt END AS average
    FROM asked
)
SELECT slot, machine, agent, session, model, task, CASE {_SIZES} ELSE 0 END AS size, official,
    {", ".join(f"CAST(SUM({name}) AS BIGINT) AS {name}" for name in SUMS)}
FROM sized GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""


def slot(dialect: str) -> str:
    """Give the quarter in which a row of `turns`, called t, ended."""
    return f"({_SECONDS[dialect]} + {SLOT_SECONDS * _SHIFT}) / {SLOT_SECONDS} - {_SHIFT}"


def shares(dialect: str, which: str) -> str:
    """Give the query whose rows are those of `spent_slots` as the turns make them for which a
    condition on `turns`, called t, holds."""
    return _SHARES.format(slot=slot(dialect), which=which)
