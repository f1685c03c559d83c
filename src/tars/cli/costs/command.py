"""`tars costs` for the command line proper: its options, made of the one table of them."""

import inspect
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from tars.cli.groups import examples, not_empty
from tars.control.costs.words import FORMATS, OPTIONS, REPORTS, SORTS, Given, Option

app = typer.Typer(rich_markup_mode=None)

_ABOUT = "\n".join(f"  {each.name:<12}{each.about}" for each in REPORTS)
HELP = f"""Show what agents cost, in tars and outside it.

Of tars' own agents it is what they told, of all others what their logs have. Prices are looked up
by the day of each request; what an agent itself said that it cost stands.

\b
Reports:
{_ABOUT}
"""


def said(given: Mapping[str, object]) -> Given:
    """Leave out what was not said, as a plainly written command line does."""
    kept: Given = {}
    for key, value in given.items():
        if isinstance(value, StrEnum):
            kept[key] = value.value
        elif isinstance(value, str | int | float) and value is not False:
            kept[key] = value
    return kept


def _parameter(option: Option) -> inspect.Parameter:
    """Make one option of the command line proper."""
    kind, more = _types(option)
    names = [option.name, *([option.short] if option.short else [])]
    told: Any = typer.Option(*names, help=option.about, **more)
    default = False if option.kind == "flag" else None
    return _keyword(option.key, Annotated[kind, told], default)


def _types(option: Option) -> tuple[Any, dict[str, Any]]:
    match option.kind:
        case "flag":
            return bool, {}
        case "choice":
            return _Format | None if option.choices == FORMATS else _Sort | None, {}
        case "count":
            return int | None, {"metavar": option.metavar, "min": 1}
        case "digits":
            return int | None, {"metavar": option.metavar, "min": 0}
        case "number":
            return float | None, {"metavar": option.metavar, "callback": _above_nothing}
        case _:
            return str | None, {"metavar": option.metavar, "callback": not_empty}


def _keyword(name: str, kind: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _above_nothing(value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise typer.BadParameter("it is a number above 0")
    return value


def _words(name: str, words: tuple[str, ...]) -> Any:
    return StrEnum(name, [(word.replace("-", "_").upper(), word) for word in words])


_Report = _words("_Report", tuple(each.name for each in REPORTS))
_Format = _words("_Format", FORMATS)
_Sort = _words("_Sort", SORTS)


def _command() -> Callable[..., int]:
    """Make the function that typer reads the parameters from."""
    report: Any = typer.Argument(metavar="REPORT", help="Which report; today unless said.")
    parameters = [
        _keyword("report", Annotated[_Report | None, report], None),
        *map(_parameter, OPTIONS),
    ]

    def costs(**given: object) -> int:
        from tars.cli.costs.running import run

        return run(said(given))

    costs.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    costs.__annotations__ = {each.name: each.annotation for each in parameters}
    return costs


app.command(
    name="costs",
    help=HELP,
    epilog=examples(
        "tars costs",
        "tars costs daily --range thismonth",
        "tars costs by-project --since 7d --sort tokens",
        "tars costs summary --range all --format json",
    ),
)(_command())
