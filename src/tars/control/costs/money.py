"""Money as it is shown: in the currency and with the digits that somebody wants."""

from typing import NamedTuple

from tars.accounting.currencies import CURRENCIES
from tars.config_costs import MOST_DIGITS, MOST_RATE
from tars.errors import RequestInvalid

#: What stands before the amount; other currencies are written by their code.
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩"}


class Money(NamedTuple):
    """How money is shown. `rate` is how many of `currency` one dollar is."""

    currency: str = "USD"
    rate: float = 1.0
    precision: int = 2
    unicode: bool = True

    def shown(self, dollars: float) -> str:
        """Write so many dollars: `$1,234.50`, `<$0.01` for what rounds to nothing."""
        amount = dollars * self.rate
        digits = f"{amount:,.{self.precision}f}"
        if amount > 0 and not digits.strip("0.,"):
            least = f"{10**-self.precision:.{self.precision}f}"
            return f"<{self.sign}{least}"
        return f"{self.sign}{digits}"

    def at_least(self, dollars: float) -> str:
        """Write a lower bound: `≥$1.04`, or `>$0`, as at least less than a cent says nothing."""
        shown = self.shown(dollars)
        return f">{self.sign}0" if shown.startswith("<") else f"≥{shown}"

    @property
    def sign(self) -> str:
        sign = _SIGNS.get(self.currency, "")
        return sign if sign and (self.unicode or sign.isascii()) else f"{self.currency} "


def money(
    usual: Money, *, currency: str | None, rate: float | None, precision: int | None
) -> Money:
    """Give how money is to be shown, where somebody wants it other than usual.

    Raises RequestInvalid for what is no currency, and for one whose rate nobody said.
    """
    code = (currency or usual.currency).upper()
    if code not in CURRENCIES:
        raise RequestInvalid(f"There is no currency {code!r}.", advice=_advice(code))
    if code == "USD" and rate not in (None, 1):
        raise RequestInvalid(
            "Prices are in US dollars: --rate needs a --currency.", advice="For example EUR."
        )
    if rate is None:
        rate = usual.rate if code == usual.currency else 1.0
        if code not in (usual.currency, "USD"):
            raise RequestInvalid(
                f"How many {code} one US dollar is, is not known here.",
                advice="Say --rate, or set currency and rate in [costs] of config.toml.",
            )
    if rate > MOST_RATE:
        raise RequestInvalid(f"--rate is from 0 to {MOST_RATE:,}.")
    digits = usual.precision if precision is None else precision
    if digits > MOST_DIGITS:
        raise RequestInvalid(f"--precision is from 0 to {MOST_DIGITS}.")
    return Money(code, rate, digits, usual.unicode)


def _advice(code: str) -> str:
    from difflib import get_close_matches

    near = [*get_close_matches(code, sorted(CURRENCIES), 3, 0.5), "USD", "EUR", "GBP", "JPY"]
    return f"A code of ISO 4217: {', '.join(dict.fromkeys(near))} …"
