"""`[[budgets]]` and `[runaway]` are read whole, and judged whole."""

from pathlib import Path
from typing import Any

import pytest

from tars import config, config_writing
from tars.accounting.budget import Action, Budget, Per, Unpriced
from tars.accounting.rates import DOLLAR
from tars.accounting.runaway import Reaction, RunawayConfig, Severity
from tars.agents.registry import KINDS
from tars.config import Config
from tars.config_budgets import budgets_of
from tars.errors import ConfigInvalid
from tars.home import Home

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
AGENTS = '[agents.claude]\n[agents.reviewer]\nkind = "claude"\n'
DAILY = 'name = "daily"\nper = "day"\nlimit_usd = 5\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    home = Home(tmp_path / ".tars")
    home.prepare()
    return home


def read(home: Home, text: str) -> Config:
    home.config.write_text(AGENTS + text)
    return config.read(home.config, home, KINDS)


def faults(home: Home, text: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as caught:
        read(home, text)
    return [fault.removeprefix(f"{home.config}: ") for fault in caught.value.faults]


def test_without_tables_there_are_no_budgets_and_circles_are_told(home: Home) -> None:
    """Nothing that is spent has a bound unless somebody wants one."""
    found = read(home, "")
    assert (found.budgets, found.runaway) == ((), RunawayConfig())
    assert budgets_of(Home(home.root / "nowhere")) == ()


def test_every_key_of_a_budget_is_read(home: Home) -> None:
    """Dollars as they were typed, to the picodollar; a folder from its ~."""
    (found,) = read(
        home,
        '[[budgets]]\nname = "opus"\nper = "week"\nlimit_usd = 5.1\nmax_tokens = 1000\n'
        'agent = "claude"\nproject = "~/work"\nmodel = "claude-opus-*"\nwarn_at = 0.5\n'
        'action = "kill"\nunpriced = "over"\n',
    ).budgets
    assert found == Budget(
        name="opus",
        per=Per.WEEK,
        limit=51 * DOLLAR // 10,
        max_tokens=1000,
        agent="claude",
        project=str(home.root.parent / "work"),
        model="claude-opus-*",
        warn_at=0.5,
        action=Action.KILL,
        unpriced=Unpriced.OVER,
    )


def test_what_is_left_out_is_mild(home: Home) -> None:
    """A budget warns at 80 per cent, and stops nobody."""
    (found,) = read(home, f"[[budgets]]\n{DAILY}").budgets
    assert found == Budget(name="daily", per=Per.DAY, limit=5 * DOLLAR)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ('per = "day"\nlimit_usd = 5', "name: must be up to 32 letters, digits, -, _ and ., the "
         "first no sign"),
        ('name = "a b"\nper = "day"\nlimit_usd = 5', "name: must be up to 32 letters, digits, -, "
         "_ and ., the first no sign"),
        ('name = "x"\nlimit_usd = 5', "per: is missing: session, day, week, month"),
        ('name = "x"\nper = "year"\nlimit_usd = 5',
         'per: "year" is not one of session, day, week, month'),
        ('name = "x"\nper = "day"',
         "limit_usd: is missing: a budget bounds limit_usd, max_tokens, or both"),
        ('name = "x"\nper = "day"\nlimit_usd = 0',
         "limit_usd: must be more than 0, and at most 1,000,000,000"),
        ('name = "x"\nper = "day"\nlimit_usd = "5"', "limit_usd: must be a number, not a string"),
        ('name = "x"\nper = "day"\nlimit_usd = nan',
         "limit_usd: must be a number that can be counted with"),
        ('name = "x"\nper = "day"\nmax_tokens = 0', "max_tokens: must be 1 or more"),
        (f"{DAILY}warn_at = 80", "warn_at: must be more than 0 and at most 1: 0.8 is 80 %"),
        (f'{DAILY}action = "halt"', 'action: "halt" is not one of warn, ask, stop, kill'),
        (f'{DAILY}agent = "reviewer"',
         'agent: costs are counted by kind of agent: reviewer is one of "claude"'),
        (f'{DAILY}project = "work"', "project: must be an absolute path, or begin with ~/"),
        (f"{DAILY}limit = 5", 'limit: unknown key; did you mean "limit_usd"?'),
    ],
)  # fmt: skip
def test_what_cannot_be_a_budget_is_a_fault(home: Home, keys: str, fault: str) -> None:
    """Each with its key, and what was probably meant."""
    assert faults(home, f"[[budgets]]\n{keys}\n") == [f"budgets.{fault}"]


def test_a_budget_for_nobody_is_told(home: Home) -> None:
    """It would never act; an agent that only writes logs, or whose kind is configured, is one."""
    budget = '[[budgets]]\nname = "{0}"\nper = "day"\nlimit_usd = 1\nagent = "{0}"\n'
    agents = [budget.format(agent) for agent in ("copilot", "codex", "cladue")]
    (told,) = read(home, "".join(agents)).warnings
    assert "budgets[3].agent: nothing counts, for there is no such kind: " in told
    assert told.endswith('did you mean "claude"?')


def test_two_budgets_have_two_names(home: Home) -> None:
    """Messages name them; of several tables the fault says which it is in."""
    text = f"[[budgets]]\n{DAILY}[[budgets]]\n{DAILY}"
    assert faults(home, text) == ["budgets[2].name: another budget is called daily"]


def test_every_key_of_runaway_is_read(home: Home) -> None:
    """And a threshold of 0 is one."""
    found = read(
        home,
        '[runaway]\nenabled = false\naction = "cancel"\nleast = "high"\nrepeats = 0\nerrors = 1\n'
        "oscillations = 2\njump_tokens = 3\ncontext_tokens = 4\nturn_tokens = 5\n"
        "wait_seconds = 0\ncooldown_seconds = 6\n",
    ).runaway
    assert found == RunawayConfig(
        enabled=False,
        action=Reaction.CANCEL,
        least=Severity.HIGH,
        repeats=0,
        errors=1,
        oscillations=2,
        jump_tokens=3,
        context_tokens=4,
        turn_tokens=5,
        wait_seconds=0,
        cooldown_seconds=6,
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("repeats = -1", "repeats: must be 0 or more"),
        ('action = "kill"', 'action: "kill" is not one of warn, cancel'),
        ("repeat = 5", 'repeat: unknown key; did you mean "repeats"?'),
    ],
)
def test_what_runaway_cannot_be_is_a_fault(home: Home, line: str, fault: str) -> None:
    """As everywhere."""
    assert faults(home, f"[runaway]\n{line}\n") == [f"runaway.{fault}"]


def test_what_is_written_reads_the_same(home: Home) -> None:
    """`tars config show` shows both, and its text is a configuration."""
    text = f'[[budgets]]\n{DAILY}warn_at = 0.5\n[[budgets]]\nname = "t"\nper = "session"\n'
    before = read(home, f'{text}max_tokens = 7\n[runaway]\naction = "cancel"\n')
    home.config.write_text(config_writing.dump(before))
    after = config.read(home.config, home, KINDS)
    assert (after.budgets, after.runaway) == (before.budgets, before.runaway)


def test_budgets_are_read_without_the_rest(home: Home) -> None:
    """A report needs no agents; faults of these tables are told all the same."""
    home.config.write_text(f'[agents.nobody]\nkind = "none"\n[[budgets]]\n{DAILY}')
    assert [budget.name for budget in budgets_of(home)] == ["daily"]
    for text in ("[[budgets]]\n", "[[budgets]\n"):
        home.config.write_text(text)
        with pytest.raises(ConfigInvalid):
            budgets_of(home)


def test_the_example_shows_the_budgets_defaults(home: Home) -> None:
    """What is behind a # is the default, but for what a budget is for."""
    text = EXAMPLE.read_text()
    begin, end = text.index("# Budgets: any number"), text.index("# One table per agent")
    lines = [
        line.removeprefix("#") if line[:2] != "# " else "" for line in text[begin:end].splitlines()
    ]
    (found,) = read(home, "\n".join(lines)).budgets
    usual: dict[str, Any] = {"name": "daily", "per": Per.DAY, "limit": 10 * DOLLAR}
    usual |= {"agent": "claude", "project": str(home.root.parent / "work")}
    assert found == Budget(**usual, max_tokens=50_000_000, model="claude-opus-*")
