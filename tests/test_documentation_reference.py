"""The reference is whole: nothing that the code asks for, reads, says or ends with is missing."""

import json
import re
from enum import StrEnum
from pathlib import Path

import pytest

from docs.generating import (
    cli,
    comparison,
    configuration,
    environment,
    errors,
    files,
    messages,
    states,
)
from docs.generating.commands import commands, groups
from tars.errors import FaultKind

ROOT = Path(__file__).parents[1]


def test_every_key_of_the_configuration_has_its_row() -> None:
    """What a reader asks for is documented, and what is documented is asked for."""
    told = {
        configuration.path_of(table.header, key)
        for table in configuration.example()
        for key in table.keys
    }
    assert told == set(configuration.asked())


def test_every_key_has_its_meaning() -> None:
    """The example's comment above it."""
    silent = [key for t in configuration.example() for key, what in t.keys.items() if not what]
    assert silent == []


def test_the_keys_that_have_to_be_there_are_known() -> None:
    """Found by leaving each out: whatever has a default is none of them."""
    needed = set(configuration.missed())
    assert {"budgets.name", "budgets.per", 'prices.models."NAME".input'} <= needed
    assert not needed & {"budgets.action", "costs.currency", "log_level"}


def test_a_default_is_the_one_that_is_in_force() -> None:
    """It is what the reader falls back to, and not typed again."""
    found = configuration.asked()
    assert found["agents.NAME.turn_seconds"].default == "3600"
    assert found["store.messages"].default == '"full"'
    assert found["agents.NAME.autostart"].default == "true"
    assert found["sessions.retention_days"].default == ""


def test_every_variable_that_the_code_knows_is_described() -> None:
    """A new one is found by its shape, or where it is looked up; none is described that is gone."""
    assert environment.variables() == environment.described()
    assert {"TARS_HOME", "NO_COLOR", "TERM", "TMPDIR"} <= environment.variables()


def test_a_variable_is_found_however_it_is_read(tmp_path: Path) -> None:
    """By its shape, by a look-up of a single word, or where an environment is made."""
    (tmp_path / "reads.py").write_text(
        '"""MENTIONED in words."""\n'
        'NAME = "SINGLE"\n'
        'a = env.get(NAME), os.environ["OTHER"], "THIRD" in environ, ("TWO_WORDS",)\n'
        'd = any(env.get(name) for name in ("ONE", "OF_SEVERAL"))\n'
        'b = {**env, "MADE": "1"}\n'
        'c = table.get("NONE")\n'
    )
    found = environment.variables(tmp_path)
    assert found == {"SINGLE", "OTHER", "THIRD", "TWO_WORDS", "MADE", "ONE", "OF_SEVERAL"}


def test_every_path_in_the_home_says_what_it_is() -> None:
    """A property of `Home` without a docstring would be a row without a meaning."""
    assert files.undescribed() == set()
    assert {"config.toml", "data/tars.db", "run/tars.sock", "logs/daemon.err"} <= set(
        files.entries()
    )


def test_every_exit_status_and_fault_has_its_meaning() -> None:
    """And no meaning is left of one that is gone."""
    assert cli.MEANINGS.keys() == cli.exit_statuses().keys()
    assert errors.MEANINGS.keys() == set(FaultKind)


@pytest.mark.parametrize(("title", "words", "meanings"), [(t, w, m) for t, _, w, m in states.PARTS])
def test_every_word_of_a_state_has_its_meaning(
    title: str, words: type[StrEnum], meanings: dict[StrEnum, str]
) -> None:
    """And no meaning is left of one that is gone."""
    assert list(meanings) == list(words), title


def test_every_command_is_described_with_all_its_options() -> None:
    """Also those of groups that do something by themselves."""
    page = (ROOT / "docs" / "cli.md").read_text()
    for words, command in (commands() | groups()).items():
        part = re.split(r"^## ", page.partition(f"## `tars {words}`\n")[2], flags=re.MULTILINE)[0]
        assert part, words
        for option in (option for param in command.params for option in param.opts):
            assert option.startswith("--") <= (f"`{option}`" in part), (words, option)


def test_what_is_said_is_read_from_the_sources(tmp_path: Path) -> None:
    """Whole messages, with a gap for what is only known then, and their advice."""
    (tmp_path / "says.py").write_text(
        '_ADVICE = "Wait."\n'
        "def f(name, full):\n"
        '    """Nothing is wrong."""\n'
        '    raise Busy(f"The {name} is " "busy." if full else "Not now.", advice=_ADVICE)\n'
        '    return Fault(FaultKind.QUOTA, f"Used up: {name}", "Buy some.")\n'
    )
    assert messages.said(tmp_path) == (
        messages.Message("Busy", "Not now.", "Wait."),
        messages.Message("Busy", "The … is busy.", "Wait."),
        messages.Message("QUOTA", "Used up: …", "Buy some."),
    )
    assert "Nothing is wrong." not in messages.texts(tmp_path)


FIGURES = """
2026-01-02, a machine.

### A status command, the whole process

| | ratio | median | best | samples |
|---|---:|---:|---:|---:|
| tars status | 1.19 x | 1.2 s | 1 ms | 9 |
| supervisorctl status | 8.46 x | 1,100 ms | 1 ms | 9 |

### Control requests (status), one client on one connection

| | ratio | median | best | samples |
|---|---:|---:|---:|---:|
| supervisord | 1.00 x | 5,043 /s | 9 /s | 7 |
| tars | 1.38 x | 947 /s | 9 /s | 7 |
"""


def test_the_best_of_a_row_is_the_best_figure_whoever_has_it() -> None:
    """Across units, and the other way where more is better; what was not measured never wins."""
    page = comparison.supervision(FIGURES)
    assert page.startswith("Measured 2026-01-02, a machine.\n")
    assert "| 1.2 s | **1,100 ms** | not measured | not measured |" in page
    assert "| 947 /s | **5,043 /s** | not measured | not measured |" in page
    assert "- **tars** is the best at none of them." in page
    assert "- **supervisord** is the best at 2 of them" in page


def test_every_row_of_the_comparison_is_in_the_measured_figures() -> None:
    """A table that was renamed would be called unmeasured."""
    for question in (*comparison.SUPERVISION, *comparison.ACCOUNTING):
        text = (ROOT / "docs" / "performance.md").read_text()
        for name in question.lines:
            found = comparison.median(text, question, name)
            assert found != comparison.UNKNOWN, (question.asked, name)


def test_the_comparison_names_the_versions_that_are_measured() -> None:
    """Whoever pins another one measures anew, and says so."""
    page = (ROOT / "docs" / "comparison.md").read_text()
    named = dict(re.findall(r"\[(supervisord|circus|pm2|ccusage)\]\([^)]*\) ([\d.]+\d)", page))
    pins = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    with_npm = json.loads((ROOT / "benchmarks" / "package.json").read_text())
    measured = {
        "supervisord": pins["supervisor"],
        "circus": pins["circus"],
        "pm2": with_npm["dependencies"]["pm2"],
        "ccusage": with_npm["optionalDependencies"]["@ccusage/ccusage-linux-x64"],
    }
    assert named.keys() == measured.keys()
    for program, version in measured.items():
        assert f"{version}.".startswith(f"{named[program]}."), program
