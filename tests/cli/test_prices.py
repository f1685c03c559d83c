"""`tars prices` says what a report would count, and where that price is from."""

import csv
import io
import json
from datetime import date
from pathlib import Path
from shlex import split
from typing import Any

import pytest

from tars.cli.app import run
from tars.home import Home
from tars.prices import kept
from tars.prices.listing import Listed, near
from tests.prices.shelf import small
from tests.prices.test_updating import NEWEST, served

Said = pytest.CaptureFixture[str]

OWN = """
[prices.aliases]
"my-proxy" = "gamma"
[prices.models."my-model"]
input = 1.25
output = 10
cache_read = 0.125
[[prices.models."my-model".tiers]]
above = 200000
input = 2.5
"""


@pytest.fixture
def shelf(home: Path) -> Path:
    """A home with a small price list and prices of its own."""
    Home(home).prepare()
    kept.keep(Home(home), small(price=1_250_000))
    (home / "config.toml").write_text(OWN)
    return home


def told(said: Said, words: str) -> str:
    """What a command prints that has to work."""
    status = run(["prices", *split(words)])
    printed = said.readouterr()
    assert status == 0, printed.err
    return printed.out


def refused(said: Said, words: str, status: int) -> str:
    """The one line of a command that has to fail."""
    assert run(["prices", *split(words)]) == status
    line = said.readouterr().err
    assert line.count("\n") == 1
    return line


def as_json(said: Said, words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(said, f"{words} --format json"))
    return found


def test_a_price_is_shown_with_all_there_is_to_it(shelf: Path, capsys: Said) -> None:
    """What it is, per kind of token, since and until when, and whose it is."""
    assert told(capsys, "show 'Seller/alpha-1[1m]' --day 2025-06-01") == (
        "Seller/alpha-1[1m] is seller/alpha-1. US dollars per million tokens:\n"
        "PROMPT  INPUT  OUTPUT  CACHED  WRITTEN  FOR 1 H\n"
        "base     1.25    1.25    1.25     1.25     1.25\n"
        "In force until before 2026-01-01.\n"
        "From a test, as of 2026-11-21.\n"
    )
    assert "In force since 2026-01-01." in told(capsys, "show alpha-1 --day 2026-01-01")


def test_one_s_own_prices_and_aliases_are_shown_as_they_count(shelf: Path, capsys: Said) -> None:
    """With their tiers."""
    shown = told(capsys, "show my-model")
    assert shown.startswith("my-model is config/my-model. US dollars")
    assert "base            1.25   10.00   0.125     1.25     1.25\n" in shown
    assert "above 200,000   2.50   10.00   0.125     2.50     2.50\n" in shown
    assert shown.endswith("In force on every day.\nFrom config.\n")
    assert told(capsys, "show my-proxy").startswith("my-proxy is seller/gamma.")


def test_the_same_for_programs(shelf: Path, capsys: Said) -> None:
    """In dollars per million tokens, a part or a line for each tier."""
    shown = as_json(capsys, "show my-model")
    assert {k: v for k, v in shown.items() if k != "prices"} == {
        "asked": "my-model",
        "provider": "config",
        "model": "my-model",
        "since": None,
        "until": None,
        "variesWithinDay": False,
        "origin": "config",
        "taken": None,
    }
    assert shown["prices"][1] == {
        "above": 200_000,
        "input": 2.5,
        "cacheRead": 0.125,
        "cacheWrite": 2.5,
        "cacheWrite1h": 2.5,
        "output": 10.0,
    }
    lines = list(csv.DictReader(io.StringIO(told(capsys, "show my-model --format csv"))))
    assert [(line["above"], line["input"]) for line in lines] == [("0", "1.25"), ("200000", "2.50")]


def test_all_prices_are_listed(shelf: Path, capsys: Said) -> None:
    """One's own first; by a part of the name; of one provider, by any of its names."""
    lines = [line.split()[:3] for line in told(capsys, "list").splitlines()]
    assert lines == [
        ["PROVIDER", "MODEL", "INPUT"],
        ["config", "my-model", "1.25"],
        ["seller", "alpha-1", "2.50"],
        ["seller", "beta", "0.0001"],
        ["seller", "gamma", "0.001"],
    ]
    assert len(told(capsys, "list ALPHA").splitlines()) == 2
    assert len(told(capsys, "list --provider Seller-2").splitlines()) == 4
    assert len(told(capsys, "list --provider config").splitlines()) == 2
    listed = as_json(capsys, "list --day 2025-01-01")
    assert (listed["source"], listed["taken"][:10]) == ("a test", "2026-11-21")
    assert [m["prices"][0]["input"] for m in listed["models"]] == [1.25, 1.25, 0.0001, 0.001]
    rows = list(csv.DictReader(io.StringIO(told(capsys, "list --format csv"))))
    assert [row["since"] for row in rows] == ["", "", "2026-01-01", "", ""]


def test_names_are_searched(shelf: Path, capsys: Said) -> None:
    """By words in any order, the likeliest first, and so many."""
    found = as_json(capsys, "search a")["models"]
    assert [m["model"] for m in found] == ["alpha-1", "beta", "gamma"]
    assert run(["prices", "search", "a", "-n", "1"]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2
    assert said.err == "2 more; --limit 3 shows all.\n"


def test_a_name_that_nobody_has_is_told_with_those_near_it(shelf: Path, capsys: Said) -> None:
    """As wrong usage where one was meant, and as an empty list where many could have been."""
    line = refused(capsys, "show gama", 2)
    assert line.startswith("tars: No price is known for 'gama'. Near it: gamma. `[prices.models]`")
    assert as_json(capsys, "list zeta")["models"] == []
    assert told(capsys, "search my-mode1") == ""
    assert run(["prices", "search", "my-mode1"]) == 0
    assert "Near it: my-model." in capsys.readouterr().err


def test_whose_a_model_is_has_to_be_said_where_no_maker_sells_it() -> None:
    """Near its name is then the same one with who does: that is what an alias may say."""
    row = Listed("zai", "GLM-4.6", "GLM", date.min, (), "x")
    assert near(iter([row, row._replace(model="GLM-4.7")]), "glm-4.6") == ["zai/GLM-4.6", "GLM-4.7"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("show ''", "it is empty"),
        ("show beta --day 2026-13-01", "'2026-13-01' is no date such as 2026-11-21"),
        ("list --provider nobody", "'nobody' is none of seller"),
        ("list --format xml", "'xml' is not one of"),
        ("search", "missing argument 'TEXT...'"),
        ("shw", "did you mean show?"),
        ("", "say one of its commands: list, search, show, update"),
    ],
)
def test_wrong_words_are_wrong_usage(shelf: Path, capsys: Said, words: str, why: str) -> None:
    """In one line, with what would be right."""
    assert why in refused(capsys, words, 2)


def test_faults_of_the_configuration_are_told(shelf: Path, capsys: Said) -> None:
    """No price is shown that might not count."""
    (shelf / "config.toml").write_text("[prices]\nmodel = 1\n")
    assert "prices.model: unknown key" in refused(capsys, "show beta", 1)


def test_prices_are_fetched_when_asked(
    shelf: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are shown from then on; what failed is said, and changes nothing."""
    monkeypatch.setenv("NO_PROXY", "*")
    with served(json.dumps(NEWEST).encode()) as url:
        done = told(capsys, f"update --url {url}")
    assert done == "Fetched the prices of 1 models of 1 providers.\n"
    assert as_json(capsys, "show beta")["prices"][0]["input"] == 4.0
    line = refused(capsys, f"update --url {url}", 1)
    assert f"The prices are as before: they could not be fetched from {url}" in line
    assert as_json(capsys, "show beta")["prices"][0]["input"] == 4.0
