"""What everything cost, served: the same reports as `tars costs` prints, byte for byte."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from starlette.responses import Response

from tars.control.call import Call
from tars.control.costs_contract import LogSources
from tars.control.line_text import STYLES
from tars.errors import RequestInvalid

if TYPE_CHECKING:
    from tars.control.backend import Backend
    from tars.control.costs.layout import Face

#: What `GET /v1/costs` takes besides what is told here is refused.
COSTS = (
    ("report", "a report of `tars costs`; `today` unless told"),
    ("range", "today, yesterday, week, month, lastmonth, 7d, 30d or all"),
    ("since", "from this time on: a date, a time in ISO 8601, or a word such as `7d`"),
    ("until", "until before then"),
    ("tz", "the time zone of days and times"),
    ("agent", "only agents of this kind"),
    ("model", "only this model"),
    ("project", "only this folder, and those in it"),
    ("branch", "only this branch"),
    ("session", "only this conversation, by its id or the beginning of it"),
    ("task", "only this task"),
    ("machine", "only this machine"),
    ("format", "`json` (default), `csv`, `markdown` or `table`"),
    ("sort", "what comes first: name, cost, tokens, input, output or requests"),
    ("limit", "at most so many lines"),
    ("currency", "in which currency a table or Markdown shows money"),
    ("rate", "how many of that one US dollar is"),
    ("precision", "how many digits a table or Markdown shows after the point"),
    ("width", "columns of a table; `0`, which is any number, unless told"),
    ("color", "`1` colours a table"),
    ("unicode", "`0` leaves a table in ASCII"),
)
#: Those that say how a table looks.
_LOOKS = ("width", "color", "unicode")
_MEDIA = {"json": "application/json", "csv": "text/csv", "markdown": "text/markdown"}


class Spending(Protocol):
    """What the control channel needs of the daemon to tell what was spent."""

    async def answer(self, given: "Mapping[str, str]", face: "Face") -> str:
        """Give a report in words. Raises RequestInvalid, and what the engine raises."""

    async def sources(self) -> LogSources:
        """Tell of every agent's logs, as they were read last. Raises as `answer` does."""

    async def today(self) -> str:
        """Say in a few words what was spent today; at once, and nothing where that is not known
        by now."""


async def reported(backend: "Backend", call: Call) -> Response:
    from tars.control.costs.layout import Face

    given = {name: word for name, word in call.query.items() if name not in _LOOKS}
    form = given.setdefault("format", "json")
    wide = call.count("width", 0, least=0, most=1000)
    face = Face(
        width=max(20, wide) if wide else 0,
        unicode=call.query.get("unicode") != "0",
        color=call.flag("color"),
    )
    text = await backend.spending.answer(given, face)
    return Response(text, media_type=_MEDIA.get(form, "text/plain"))


async def sources(backend: "Backend", _call: Call) -> LogSources:
    return await backend.spending.sources()


async def in_line(backend: "Backend", call: Call) -> Response:
    """Answer `GET /v1/status?format=line`."""
    from tars.control.line_text import line

    style = call.query.get("style", "plain")
    if style not in STYLES:
        raise RequestInvalid(f"`style` is one of {', '.join(STYLES)}, not {style!r}.")
    today = await backend.spending.today()
    text = line(backend.status(), today, style=style, ascii=call.flag("ascii"))
    return Response(f"{text}\n", media_type="text/plain")
