"""What tokens cost: rates in whole picodollars, so that every sum of money is exact.

A dollar is 10**12 picodollars, and a price of one dollar per million tokens is 10**6 of them per
token: prices of up to six decimals per million are whole numbers. Long-context prices apply to
the *whole* request once its prompt (input and cache together) is above their threshold. Which of
the thresholds a prompt is above is its size class, and is kept with its figures: prices can then
change without counting anything again.
"""

from bisect import bisect_left
from typing import NamedTuple

#: Picodollars in a dollar, and in a millionth of one.
DOLLAR = 10**12
MICRODOLLAR = 10**6

#: How long a slot is, of which the figures are kept as sums; `slot` numbers count them from 1970
#: in UTC. The clocks of every zone differ from UTC by whole quarters of an hour.
SLOT_SECONDS = 900

#: Every prompt size, in tokens, above which some model has another price (genai-prices).
THRESHOLDS = (
    32_000,
    100_000,
    128_000,
    199_999,
    200_000,
    256_000,
    272_000,
    512_000,
    524_288,
)


class Tokens(NamedTuple):
    """Disjoint counts of tokens that add up, and how many model requests they are of.

    `cache_write_1h` is the part of `cache_write` that was written for an hour, and `reasoning`
    the part of `output` that was not shown. `requests` is 0 where their number is not known.
    """

    net_input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    requests: int = 0

    @property
    def total(self) -> int:
        return self.net_input + self.cache_read + self.cache_write + self.output

    @property
    def prompt(self) -> int:
        """What a long-context price looks at, if these are one request's."""
        return self.net_input + self.cache_read + self.cache_write

    def plus(self, other: "Tokens") -> "Tokens":
        return Tokens(*(a + b for a, b in zip(self, other, strict=True)))


class Rates(NamedTuple):
    """Picodollars per token, from prompts above `above` tokens on (0: from the first)."""

    input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output: int
    above: int = 0


class ModelRates(NamedTuple):
    """One model's rates on one day: the base first, then its long-context tiers, ascending.

    `origin` says whose they are: `genai-prices` and its version, or `config`.
    """

    tiers: tuple[Rates, ...]
    origin: str = ""

    def at(self, size: int) -> Rates:
        """Give the rates of a request of this size class: the highest tier that it is above."""
        least = THRESHOLDS[size - 1] if size else 0
        return next(rates for rates in reversed(self.tiers) if rates.above <= least)


def filled(
    *,
    input: int,
    output: int,
    cache_read: int | None = None,
    cache_write: int | None = None,
    cache_write_1h: int | None = None,
    above: int = 0,
    hour_is_double: bool = False,
) -> Rates:
    """Make rates of the prices that are known, and of what is billed where one has no price.

    A cached token that has no price of its own is an ordinary input token, as genai-prices counts
    too. A write for an hour costs what one for five minutes does, but with `hour_is_double` twice
    the input: Anthropic's "1-hour cache write tokens are 2 times the base input tokens price".
    """
    write = input if cache_write is None else cache_write
    hour = 2 * input if hour_is_double else write
    return Rates(
        input=input,
        cache_read=input if cache_read is None else cache_read,
        cache_write=write,
        cache_write_1h=hour if cache_write_1h is None else cache_write_1h,
        output=output,
        above=above,
    )


def size_class(prompt: int) -> int:
    """Give how many of the thresholds a prompt of so many tokens is above."""
    return bisect_left(THRESHOLDS, prompt)


def cost(tokens: Tokens, rates: Rates) -> int:
    """Give the price of these tokens in picodollars. Linear: sums may be priced at once."""
    five_minutes = tokens.cache_write - tokens.cache_write_1h
    return (
        tokens.net_input * rates.input
        + tokens.cache_read * rates.cache_read
        + five_minutes * rates.cache_write
        + tokens.cache_write_1h * rates.cache_write_1h
        + tokens.output * rates.output
    )
