"""Our prices are genai-prices' own, for every model of its snapshot, to the picodollar."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from genai_prices import Usage, types
from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.rates import DOLLAR, MICRODOLLAR, THRESHOLDS, Tokens, cost, size_class
from tars.prices import snapshot
from tars.prices.catalogue import Catalogue, Model, dump, load
from tests.prices.shelf import NOW, whole

CATALOGUE = whole()
THEIRS = {
    (provider.id, model.id): (provider, model)
    for provider in get_snapshot().providers
    for model in provider.models
}
#: What is billed beside the tokens that agents report, or per request.
_BESIDE = ("output_reasoning_mtok", "output_citation_mtok", "requests_kcount")


def prices_of(model: types.ModelInfo) -> list[types.ConditionalPrice]:
    listed = model.prices
    return listed if isinstance(listed, list) else [types.ConditionalPrice(prices=listed)]


def amounts(price: Decimal | types.TieredPrices | None) -> Iterator[tuple[int, Decimal]]:
    """Each price, with where it starts."""
    match price:
        case types.TieredPrices(base=base, tiers=tiers):
            yield 0, base
            yield from ((tier.start, tier.price) for tier in tiers)
        case Decimal():
            yield 0, price
        case None:
            pass


def all_amounts() -> Iterator[tuple[str, int, Decimal]]:
    for (provider, _), (_, model) in THEIRS.items():
        for each in prices_of(model):
            for key in ("input", "output", "cache_read", "cache_write", "cache_write_1h"):
                for start, price in amounts(getattr(each.prices, f"{key}_mtok")):
                    yield provider, start, price


def simple(model: types.ModelInfo) -> bool:
    """Whether tokens alone are billed, at whole picodollars."""
    prices = [each.prices for each in prices_of(model)]
    beside = [getattr(p, key) for p in prices for key in _BESIDE]
    whole = all(
        (amount * MICRODOLLAR) % 1 == 0
        for p in prices
        for key in ("input", "output", "cache_read", "cache_write", "cache_write_1h")
        for _, amount in amounts(getattr(p, f"{key}_mtok"))
    )
    return whole and not any(beside)


PRICED = sorted(
    (provider.id, model.id)
    for provider, model in CATALOGUE.models()
    if simple(THEIRS[provider.id, model.id][1])
)
#: Those that have something to them: tiers, several prices, times of the day.
INTERESTING = [
    (p.id, m.id)
    for p, m in CATALOGUE.models()
    if (p.id, m.id) in set(PRICED) and (len(m.dated) > 1 or len(m.dated[0].rates.tiers) > 1)
]


def ours(catalogue: Catalogue, provider: str, model: str) -> Model:
    return next(m for p, m in catalogue.models() if (p.id, m.id) == (provider, model))


def theirs(provider: str, model: str, tokens: Tokens, day: date, *, anytime: bool) -> int:
    """What genai-prices itself says, in picodollars; the dearest of the day, if `anytime`."""
    usage = Usage(
        input_tokens=tokens.prompt,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        cache_write_1h_tokens=tokens.cache_write_1h,
        output_tokens=tokens.output,
    )
    seller, found = THEIRS[provider, model]
    times = [time(hour, 45) for hour in (range(24) if anytime else [12])]
    totals = [
        found.calc_price(
            usage, seller, genai_request_timestamp=datetime.combine(day, at, UTC)
        ).total_price
        for at in times
    ]
    picodollars = max(totals) * DOLLAR
    assert picodollars % 1 == 0
    return int(picodollars)


PROMPTS = st.integers(0, 600_000) | st.sampled_from([t + n for t in THRESHOLDS for n in (0, 1)])


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(PRICED) | st.sampled_from(INTERESTING),
    prompt=PROMPTS,
    shares=st.tuples(*[st.integers(0, 100)] * 3),
    output=st.integers(0, 200_000),
    day=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
)
def test_a_request_costs_what_genai_prices_says(
    name: tuple[str, str], prompt: int, shares: tuple[int, int, int], output: int, day: date
) -> None:
    """Whatever the model, the day, the size of the prompt and what of it was cached."""
    model = ours(CATALOGUE, *name)
    held = [d for d in model.dated if d.since <= day][-1]
    read = prompt * shares[0] // 100
    write = (prompt - read) * shares[1] // 100
    # Where Anthropic's models have no price for an hour, they count five minutes and we do not.
    doubled = "claude" in name[1].lower() and any(
        each.prices.cache_write_1h_mtok is None for each in prices_of(THEIRS[name][1])
    )
    hour = 0 if doubled else write * shares[2] // 100
    tokens = Tokens(prompt - read - write, read, write, hour, output)
    expected = theirs(*name, tokens, day, anytime=held.hours)
    assert cost(tokens, held.rates.at(size_class(prompt))) == expected


def test_every_threshold_of_a_tier_has_its_size_class() -> None:
    """A new one in a later release wants a line in `accounting.rates`."""
    assert {start for _, start, _ in all_amounts()} - {0} <= set(THRESHOLDS)


def test_prices_are_whole_but_for_those_that_somebody_computed() -> None:
    """Those of a few resellers have more than six decimals: a twelfth of a dollar, or what
    binary made of it. Rounded, they are within half a picodollar per token."""
    rounded = {provider for provider, _, price in all_amounts() if (price * MICRODOLLAR) % 1}
    assert rounded <= {"huggingface_together", "openrouter"}


@pytest.mark.parametrize(
    ("price", "picodollars"),
    [("1.25", 1_250_000), ("0.0000005", 0), ("0.0000015", 2), ("0.0833333333333333", 83_333)],
)
def test_what_is_finer_is_rounded_half_to_even(price: str, picodollars: int) -> None:
    """No price is cut off, and the halves do not add up."""
    listed = types.ModelPrice(input_mtok=Decimal(price), output_mtok=Decimal(1))
    (model,) = of_one_model(listed).providers[0].models
    assert model.dated[0].rates.tiers[0].input == picodollars


def of_one_model(prices: types.ModelPrice | list[types.ConditionalPrice]) -> Catalogue:
    model = types.ModelInfo(id="m", match=types.ClauseEquals("m"), prices=prices)
    provider = types.Provider(id="p", name="P", api_pattern="", models=[model])
    found = DataSnapshot(providers=[provider], from_auto_update=False)
    return snapshot.catalogue_of(found, "test", NOW, package="", updated=False)


def test_a_price_without_tiers_stays_in_all_of_them() -> None:
    """And a tier of one price is a tier of all."""
    tiered = types.TieredPrices(Decimal(1), [types.Tier(200_000, Decimal(2))])
    listed = types.ModelPrice(input_mtok=tiered, output_mtok=Decimal(5))
    (model,) = of_one_model(listed).providers[0].models
    base, long = model.dated[0].rates.tiers
    assert (base.input, base.output, base.above) == (1_000_000, 5_000_000, 0)
    assert (long.input, long.output, long.above) == (2_000_000, 5_000_000, 200_000)
    assert long.cache_read == 2_000_000


def test_a_threshold_that_we_do_not_know_begins_lower() -> None:
    """Prices that were fetched later may have one: the dearer price is counted, if any."""
    tiered = types.TieredPrices(Decimal(1), [types.Tier(300_000, Decimal(2))])
    listed = types.ModelPrice(input_mtok=tiered, output_mtok=tiered)
    (model,) = of_one_model(listed).providers[0].models
    assert [r.above for r in model.dated[0].rates.tiers] == [0, 272_000]


def test_a_threshold_below_all_that_we_know_begins_at_once() -> None:
    """The tier takes the base's place."""
    tiered = types.TieredPrices(Decimal(1), [types.Tier(16_000, Decimal(2))])
    listed = types.ModelPrice(input_mtok=tiered, output_mtok=tiered)
    (model,) = of_one_model(listed).providers[0].models
    assert [(r.above, r.input) for r in model.dated[0].rates.tiers] == [(0, 2_000_000)]


def test_the_dearest_price_of_a_day_counts() -> None:
    """Where it changes within the day, and the date of it counts all the same."""
    cheap, dear = (types.ModelPrice(input_mtok=Decimal(n), output_mtok=Decimal(n)) for n in (1, 2))
    later = types.ModelPrice(input_mtok=Decimal(7), output_mtok=Decimal(7))
    listed = [
        types.ConditionalPrice(prices=cheap),
        types.ConditionalPrice(types.TimeOfDateConstraint(time(1), time(4)), prices=dear),
        types.ConditionalPrice(types.StartDateConstraint(date(2026, 1, 1)), prices=later),
    ]
    (model,) = of_one_model(listed).providers[0].models
    told = [(d.since, d.rates.tiers[0].input // MICRODOLLAR, d.hours) for d in model.dated]
    assert told == [(date.min, 2, True), (date(2026, 1, 1), 7, False)]


def test_a_model_without_a_price_for_tokens_is_left_out() -> None:
    """Pictures and searches are not what agents report."""
    assert of_one_model(types.ModelPrice(input_mtok=Decimal(1))).providers[0].models == ()
    prices = types.ModelPrice(output_image_mtok=Decimal(40))
    assert of_one_model(prices).providers[0].models == ()


def test_a_catalogue_is_kept_as_it_is() -> None:
    """All of it: what `dump` gives, `load` takes."""
    assert load(dump(CATALOGUE)) == CATALOGUE
    assert len(list(CATALOGUE.models())) > 1_000


def test_a_release_is_as_old_as_its_newest_price() -> None:
    """It does not say so itself. What is announced for later does not count."""
    since = {dated.since for _, model in CATALOGUE.models() for dated in model.dated}
    taken = date.fromisoformat(CATALOGUE.taken)
    assert taken in since
    assert not any(taken < day <= NOW.date() for day in since)
