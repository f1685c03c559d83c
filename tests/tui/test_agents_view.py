"""An agent in words and lines."""

from tars.control.contract import (
    AgentStatus,
    ConditionStatus,
    ContextStatus,
    FaultStatus,
    PermissionStatus,
    TurnStatus,
)
from tars.tui import agents_view
from tars.tui.agent_words import doing, state
from tars.tui.agents_view import SAMPLES, Samples


def agent(**more: object) -> AgentStatus:
    given: dict[str, object] = {"name": "gemini", "kind": "gemini", "protocol": "acp", **more}
    return AgentStatus(**{"state": "ready", **given})  # type: ignore[arg-type]


ASKED = PermissionStatus(
    id="p", agent="gemini", title="rm -r build", tool_kind="execute", options=[],
    asked_at="2026-11-21T10:00:00Z", expires_in_seconds=60.0,
)  # fmt: skip


def test_what_it_asks_a_person_comes_before_its_state() -> None:
    """Nothing else can be done about it by anybody."""
    assert state(agent(state="busy", permissions=[ASKED]))[0] == "asks you"


def test_how_it_fares_is_told_where_the_state_does_not_say_it() -> None:
    """Busy and wedged look alike from outside."""
    wedged = ConditionStatus(word="wedged", evidence="no event for 10 min")
    assert state(agent(state="busy", condition=wedged))[0] == "wedged"
    limited = ConditionStatus(word="rate_limited", evidence="429")
    assert state(agent(condition=limited))[0] == "rate-limited"
    assert state(agent(state="waiting"))[0] == "restarting"


def test_what_it_does_is_told_in_few_words() -> None:
    """A turn with its age, what it waits for, and what waits for it."""
    turn = TurnStatus(
        id="t", started_at="", elapsed_seconds=75, waiting_for="quota", output_tokens=1200
    )
    assert doing(agent(state="busy", turn=turn, queued=2, restarts=1)) == [
        "turn 1m 15s", "1.2K out", "waits for quota", "2 queued", "1 restart",
    ]  # fmt: skip


def test_one_agent_in_full_tells_all_that_is_known() -> None:
    """Labels in one column, memory and processor time as lines, faults with their advice."""
    samples = Samples()
    full = agent(
        state="failed", pid=7, uptime_seconds=3700, restarts=2, rss_bytes=200 << 20,
        cpu_percent=12.5, context=ContextStatus(used=50_000, size=200_000),
        last_error=FaultStatus(kind="auth", message="No key.", advice="Set one."),
        permissions=[ASKED],
    )  # fmt: skip
    samples.take(full, 0.0)
    found = agents_view.facts(full, samples, 100).plain.split("\n")
    assert "process  up 1h 01m, 2 restarts, pid 7" in found
    assert "memory     200 MiB  █" in found
    assert "cpu          12.5%  █" in found
    assert "context  █████░░░░░░░░░░░░░░░ 25% of 200,000 tokens" in found
    assert "asks     rm -r build" in found
    assert found[-2:] == ["error    No key.", "         Set one."]


def test_names_of_anybody_stay_in_their_column() -> None:
    """Wide, long, hostile."""
    rows = [
        agents_view.row(agent(name=name), agents_view.name_width([agent(name=name)])).plain
        for name in ("x" * 300, "日本語のエージェント", "a\x1b[2Jb\u202e")
    ]
    assert all(row.isprintable() for row in rows)


def test_samples_are_bounded() -> None:
    """A screen that is open for days keeps what it can show."""
    samples = Samples()
    for second in range(3 * SAMPLES):
        samples.take(agent(), float(second))
        samples.take(agent(), second + 0.5)
    assert len(samples.rss) == len(samples.cpu) == SAMPLES
