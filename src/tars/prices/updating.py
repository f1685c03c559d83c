"""Fetching newer prices: the only way of tars to the network, and only when somebody asks."""

from datetime import datetime
from typing import TYPE_CHECKING

from tars.errors import TarsError
from tars.home import Home
from tars.prices import kept

if TYPE_CHECKING:
    from tars.prices.catalogue import Catalogue


def update(home: Home, now: datetime, *, url: str | None = None) -> "Catalogue":
    """Fetch the price list, from genai-prices' own address unless told, and keep it.

    It is used from then on, until another release of genai-prices is installed. Raises TarsError
    when it cannot be had or is none, and OSError when it cannot be kept; the old prices stay.
    """
    import httpx2

    from tars.prices import snapshot

    try:
        fetched = snapshot.fetched(url, now, kept.package_stamp())
    except httpx2.HTTPStatusError as error:
        status = error.response.status_code
        raise _failure(f"{error.request.url} answered {status}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        where = f" from {url}" if url else ""
        reason = str(error) or type(error).__name__
        raise _failure(f"they could not be fetched{where}: {reason}") from None
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        # Of a validation that failed the first line is enough, and has nothing of the content.
        reason = str(error).partition("\n")[0]
        raise _failure(f"what was fetched is no price list: {reason}") from None
    home.prepare()
    kept.keep(home, fetched)
    return fetched


def _failure(what: str) -> TarsError:
    return TarsError(
        f"The prices are as before: {what.rstrip('.')}.", advice="Everything works without it."
    )
