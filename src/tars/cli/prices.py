"""`tars prices`: what tokens cost, model by model, and from when on."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli.connection import say
from tars.cli.groups import CommandGroup, countable, examples, not_empty
from tars.cli.prices_view import (
    COLUMNS,
    CSV_HEAD,
    csv_rows,
    priced_json,
    print_priced,
    row_json,
)
from tars.cli.tables import Format, FormatOption, print_csv, print_json, print_table
from tars.home import Home, find_home

if TYPE_CHECKING:
    from tars.config_costs import PricesConfig
    from tars.prices.catalogue import Catalogue
    from tars.prices.listing import Listed

app = typer.Typer(
    name="prices",
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Show what tokens of each model cost; fetch newer prices.",
    epilog=examples("tars prices show claude-sonnet-4-5", "tars prices list sonnet"),
    no_args_is_help=True,
)

ProviderOption = Annotated[
    str | None,
    typer.Option("--provider", metavar="NAME", callback=not_empty, help="Sold by this one."),
]
DayOption = Annotated[
    str | None,
    typer.Option("--day", metavar="DATE", help="As on this day, in UTC: 2026-11-21. Today."),
]


@app.command(
    "list",
    epilog=examples("tars prices list sonnet", "tars prices list --provider openai --format csv"),
)
def list_prices(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT]", callback=not_empty, help="A part of the name.", show_default=False
        ),
    ] = None,
    provider: ProviderOption = None,
    day: DayOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the prices of all models, or of some.

    Of those whose name has TEXT in it. In US dollars per million tokens. Your own, from
    config.toml, come first.
    """
    from tars.prices.listing import containing

    catalogue, own, on = _opened(day)
    rows = containing(_rows(catalogue, own, on), text or "")
    if provider is not None:
        rows = [row for row in rows if row.provider == _known(catalogue, provider)]
    _print(catalogue, rows, form)
    if not rows and form is Format.TABLE:
        _tell_none(catalogue, own, on, text or provider or "")


@app.command(
    epilog=examples("tars prices search claude opus", "tars prices search gemini pro -n 5")
)
def search(
    text: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...", help="Words that all are in the name.", show_default=False
        ),
    ],
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-n", metavar="N", min=1, callback=countable, help="At most so many."
        ),
    ] = 20,
    day: DayOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Find models by words in their names, the likeliest first."""
    from tars.prices.listing import best_first, containing

    catalogue, own, on = _opened(day)
    wanted = " ".join(text)
    rows = best_first(containing(_rows(catalogue, own, on), wanted), wanted)
    _print(catalogue, rows[:limit], form)
    if not rows and form is Format.TABLE:
        _tell_none(catalogue, own, on, wanted)
    elif len(rows) > limit and form is Format.TABLE:
        say(f"{len(rows) - limit} more; --limit {len(rows)} shows all.")


@app.command(
    epilog=examples(
        "tars prices show claude-sonnet-4-5",
        "tars prices show gpt-5-codex --day 2026-01-31",
        "tars prices show anthropic/claude-opus-4.6 --provider openrouter",
    )
)
def show(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            callback=not_empty,
            help="As an agent's log names it.",
            show_default=False,
        ),
    ],
    provider: ProviderOption = None,
    day: DayOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what a model costs, and where its price is from.

    By the same rules as the reports: your own prices first, then the aliases, then the list.
    """
    from tars.config_costs import read
    from tars.errors import RequestInvalid
    from tars.prices.book import Book
    from tars.prices.listing import held_on, near

    home, on = find_home(), _day(day)
    own = read(home).prices
    book = Book.open(home, own)
    found = book.priced(provider or "", model)
    book.save()
    held = None if found is None else held_on(found.dated, on)
    if found is None or held is None:
        close = near(_rows(_catalogue(home), own, on), model)
        raise RequestInvalid(
            f"No price is known for {model!r}.{_hint(close)}",
            advice="`[prices.models]` in config.toml sets one.",
        )
    match form:
        case Format.JSON:
            print_json(priced_json(model, found, held, book.taken))
        case Format.CSV:
            provider, _, name = found.id.partition("/")
            row = {"provider": provider, "model": name, "since": held.since}
            print_csv(CSV_HEAD, csv_rows(row, held.rates.tiers, held.rates.origin))
        case Format.TABLE:
            print_priced(model, found, held, book.taken)


@app.command(epilog=examples("tars prices update"))
def update(
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            callback=not_empty,
            help="Where a copy of genai-prices' data.json is; its own address unless told.",
        ),
    ] = None,
) -> None:
    """Fetch newer prices from the network. Nothing else in tars ever goes there.

    They are kept in ~/.tars/data and count from then on, until another release of genai-prices is
    installed. If they cannot be had, the old ones stay.
    """
    from tars.prices.updating import update as fetch

    fetched = fetch(find_home(), datetime.now(UTC), url=url)
    models = sum(1 for _ in fetched.models())
    sellers = sum(1 for provider in fetched.providers if provider.models)
    print(f"Fetched the prices of {models:,} models of {sellers} providers.")


def _opened(day: str | None) -> "tuple[Catalogue, PricesConfig, date]":
    from tars.config_costs import read

    on = _day(day)
    home = find_home()
    return _catalogue(home), read(home).prices, on


def _catalogue(home: Home) -> "Catalogue":
    from tars.errors import TarsError
    from tars.prices.kept import current

    try:
        return current(home, datetime.now(UTC))
    except ImportError as error:
        raise TarsError(
            f"There is no price list: {error}.", advice="Install tars again: it needs genai-prices."
        ) from None


def _rows(catalogue: "Catalogue", own: "PricesConfig", on: date) -> "Iterator[Listed]":
    from tars.prices.listing import listed

    return listed(catalogue, own, on)


def _known(catalogue: "Catalogue", provider: str) -> str:
    """Give a provider's id for any of its names."""
    from tars.prices.listing import OWN
    from tars.prices.matching import find_provider

    name = provider.lower()
    found = find_provider(catalogue, name)
    if found is None and name != OWN:
        ids = ", ".join(each.id for each in catalogue.providers)
        raise typer.BadParameter(f"{provider!r} is none of {ids}", param_hint="'--provider'")
    return OWN if found is None else found.id


def _day(word: str | None) -> date:
    if word is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise typer.BadParameter(
            f"{word!r} is no date such as 2026-11-21", param_hint="'--day'"
        ) from None


def _print(catalogue: "Catalogue", rows: "list[Listed]", form: Format) -> None:
    match form:
        case Format.JSON:
            whole = {
                "source": catalogue.source,
                "taken": catalogue.taken,
                "models": [row_json(row) for row in rows],
            }
            print_json(whole)
        case Format.CSV:
            lines = (
                line
                for r in rows
                for line in csv_rows(
                    {"provider": r.provider, "model": r.model, "since": r.since}, r.tiers, r.origin
                )
            )
            print_csv(CSV_HEAD, lines)
        case Format.TABLE:
            print_table(COLUMNS, rows)


def _tell_none(catalogue: "Catalogue", own: "PricesConfig", on: date, text: str) -> None:
    from tars.prices.listing import near

    close = near(_rows(catalogue, own, on), text)
    say(f"No model is called so.{_hint(close)}")


def _hint(close: list[str]) -> str:
    return f" Near it: {', '.join(close)}." if close else ""
