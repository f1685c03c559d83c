"""What config.toml says of costs is read as it was typed, and every slip is told with what is
valid."""

from pathlib import Path

import pytest

from tars import config_costs, config_writing
from tars.accounting.currencies import CURRENCIES
from tars.accounting.rates import THRESHOLDS, Rates
from tars.config import Config
from tars.config_agents import AgentConfig
from tars.config_costs import (
    LOG_AGENTS,
    CostsConfig,
    CostTables,
    HistoryConfig,
    PricesConfig,
)
from tars.errors import ConfigInvalid
from tars.history.sources.registry import SOURCES
from tars.home import Home

MODEL = '[prices.models."my-model"]\n'
PRICED = MODEL + "input = 1.25\noutput = 10\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


def read(home: Home, text: str) -> CostTables:
    home.config.write_text(text)
    return config_costs.read(home)


def fault(home: Home, text: str) -> str:
    """The one fault of a file."""
    with pytest.raises(ConfigInvalid) as caught:
        read(home, text)
    (only,) = caught.value.faults
    return only.removeprefix(f"{home.config}: ")


def test_without_a_table_all_is_as_usual(home: Home) -> None:
    """No file, a file without these tables: nothing is judged, and nothing needs to be parsed."""
    assert config_costs.read(home) == CostTables()
    assert read(home, '[agents.echo]\nkind = "echo"\n') == CostTables()


def test_the_tables_are_read(home: Home) -> None:
    """Each key, as the three frozen values."""
    text = """
        [history]
        enabled = false
        home = "/srv/somebody"
        paths = { claude = ["/a", "/b"], codex = [] }
        [prices.aliases]
        "My-Proxy" = "claude-sonnet-4-5"
        [costs]
        currency = "EUR"
        rate = 0.93
        precision = 4
        timezone = "Europe/Berlin"
    """
    history, prices, costs = read(home, text)
    assert history == HistoryConfig(
        enabled=False,
        home=Path("/srv/somebody"),
        paths={"claude": (Path("/a"), Path("/b")), "codex": ()},
    )
    assert prices == PricesConfig(aliases={"My-Proxy": "claude-sonnet-4-5"})
    assert costs == CostsConfig(currency="EUR", rate=0.93, precision=4, timezone="Europe/Berlin")


def test_own_prices_are_exact_to_the_millionth(home: Home) -> None:
    """Dollars per million tokens become whole picodollars per token, whatever binary makes of
    them; what has no price of its own is billed as input, and an hour as five minutes."""
    (rates,) = read(home, MODEL + "input = 0.1\noutput = 1.1\n").prices.models["my-model"].tiers
    assert rates == Rates(100_000, 100_000, 100_000, 100_000, 1_100_000)
    cached = "cache_read = 0.07\ncache_write = 0.29\n"
    (rates,) = read(home, PRICED + cached).prices.models["my-model"].tiers
    assert rates == Rates(1_250_000, 70_000, 290_000, 290_000, 10_000_000)


def test_an_hour_of_claude_is_twice_the_input(home: Home) -> None:
    """As Anthropic bills it, unless the file says another price."""
    text = '[prices.models."claude-x"]\ninput = 3\noutput = 15\ncache_write = 3.75\n'
    assert read(home, text).prices.models["claude-x"].tiers[0].cache_write_1h == 6_000_000
    told = read(home, text + "cache_write_1h = 5\n").prices.models["claude-x"].tiers[0]
    assert told.cache_write_1h == 5_000_000


def test_a_tier_has_what_it_leaves_out_from_the_base(home: Home) -> None:
    """In whatever order they stand in the file."""
    tiers = """
        [[prices.models."my-model".tiers]]
        above = 272000
        output = 20
        [[prices.models."my-model".tiers]]
        above = 200000
        input = 2.5
    """
    rates = read(home, PRICED + "cache_read = 0.5\n" + tiers).prices.models["my-model"].tiers
    assert [r.above for r in rates] == [0, 200_000, 272_000]
    assert [r.input for r in rates] == [1_250_000, 2_500_000, 1_250_000]
    assert [r.output for r in rates] == [10_000_000, 10_000_000, 20_000_000]
    assert {r.cache_read for r in rates} == {500_000}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[history]\npaths = { claud = ["/a"] }', "history.paths.claud: no agent whose logs"),
        ('[history]\npaths = { claud = ["/a"] }', 'did you mean "claude"?'),
        ('[history]\npaths = { claude = ["a"] }', "history.paths.claude: 'a' must be an absolute"),
        ("[history]\nenable = true", 'history.enable: unknown key; did you mean "enabled"?'),
        ('[costs]\ncurrency = "EURO"\nrate = 1', "currency: \"EURO\" is not one of AED, AFN"),
        ('[costs]\ncurrency = "EUR"', "costs.rate: is missing: how many EUR a US dollar is"),
        ("[costs]\nrate = 0", "costs.rate: must be more than 0"),
        ('[costs]\ncurrency = "EUR"\nrate = 1e308', "costs.rate: must be"),
        ("[costs]\nrate = 2", "costs.rate: needs a currency"),
        ("[costs]\nrate = inf", "costs.rate: must be a number"),
        ("[costs]\nprecision = 13", "costs.precision: must be from 0 to 12"),
        ("[costs]\nprecision = -1", "costs.precision: must be 0 or more"),
        ('[costs]\ntimezone = "Europe/Berln"', 'did you mean "Europe/Berlin"?'),
        ('[costs]\ntimezone = ""', "costs.timezone: must be the name of a zone"),
        (MODEL + "input = 1", 'prices.models.my-model.output: is missing: dollars per million'),
        (PRICED + "cache_read = -1", "cache_read: must be dollars per million tokens, from 0 to"),
        (PRICED + "cache_reads = 1", 'unknown key; did you mean "cache_read"?'),
        (PRICED + "tiers = [{above = 7}]", f"sizes that are told apart: {THRESHOLDS[0]}, "),
        (PRICED + "tiers = [{above = 32000}, {above = 32000}]", "another tier begins above 32000"),
        (PRICED + "tiers = [{input = 1}]", "tiers.above: must be one of"),
        ('[prices.aliases]\na = ""', "prices.aliases.a: must be the name of a model"),
        ('[prices.aliases]\na = "A"', "prices.aliases.a: leads back to itself: A"),
        ("[prices]\nmodel = 1", 'prices.model: unknown key; did you mean "models"?'),
    ],
)  # fmt: skip
def test_a_slip_is_told(home: Home, text: str, why: str) -> None:
    """With its key, and what would be right."""
    assert why in fault(home, text)


def test_every_fault_is_told_at_once(home: Home) -> None:
    """Two names that lead to each other are two."""
    with pytest.raises(ConfigInvalid) as caught:
        read(home, '[prices.aliases]\na = "b"\nb = "a"\n[costs]\nprecision = "x"')
    assert len(caught.value.faults) == 3


def test_a_file_that_is_no_toml_is_told(home: Home) -> None:
    """Where these tables may be meant; elsewhere it is said by who reads the rest."""
    assert "not valid TOML" in fault(home, "[costs\n")
    assert read(home, "[agents\n") == CostTables()


def test_nothing_is_kept_of_what_was_said_where_no_messages_are(home: Home) -> None:
    """Of an agent's logs that is what sessions are called. A fault of that table is told by who
    reads all of it."""
    for kept, titles in (("none", False), ("preview", True), ("full", True)):
        assert read(home, f"[store]\nmessages = '{kept}'\n").history.titles is titles
    assert read(home, "[store]\nmessages = 7\n[costs]\n").history.titles


def test_what_is_written_reads_the_same(home: Home) -> None:
    """All three tables, with prices to the last digit."""
    tiers = '[[prices.models."my-model".tiers]]\nabove = 32000\ninput = 0.000001\n'
    zone = '[costs]\ncurrency = "JPY"\nrate = 151.3\nprecision = 0\ntimezone = "UTC"\n'
    alias = '[prices.aliases]\n"a b" = "c"\n'
    found = read(home, PRICED + tiers + zone + alias + '[history]\npaths = { amp = ["/a"] }\n')
    whole = Config(
        default_agent="echo",
        agents={"echo": AgentConfig(name="echo", kind="echo", cwd=home.root)},
        **found._asdict(),
    )
    assert read(home, config_writing.dump(whole)) == found


def test_the_agents_are_those_whose_logs_are_read() -> None:
    """In the order in which they are listed; the example names them too."""
    assert [source.agent for source in SOURCES] == list(LOG_AGENTS)
    shown = " ".join(config_writing.template().replace("#", " ").split())
    assert f"Agents: {', '.join(LOG_AGENTS)}." in shown


def test_the_codes_of_currencies_are_codes() -> None:
    """Three capitals each, none twice, in their order."""
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
    assert list(CURRENCIES) == sorted(set(CURRENCIES))
