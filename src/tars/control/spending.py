"""What everything cost, served: the same reports as `tars costs` prints, byte for byte."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from starlette.responses import Response

from tars.control.call import Call
from tars.control.costs_contract import LogSources
from tars.control.line_text import STYLES
from tars.control.status_contract import TodayStatus
from tars.errors import RequestInvalid

if TYPE_CHECKING:
    from tars.control.backend import Backend
    from tars.control.costs.layout import Face

#: Those that say how a table looks.
_LOOKS = ("width", "color", "unicode")
#: How long a line waits for what today cost: whoever prints one waits for nothing.
LINE_SECONDS = 0.1
_MEDIA = {"json": "application/json", "csv": "text/csv", "markdown": "text/markdown"}


class Spending(Protocol):
    """What the control channel needs of the daemon to tell what was spent."""

    async def answer(self, given: "Mapping[str, str]", face: "Face") -> str:
        """Give a report in words. Raises RequestInvalid, and what the engine raises."""

    async def sources(self) -> LogSources:
        """Tell of every agent's logs, as they were read last. Raises as `answer` does."""

    async def today(self, within: float) -> TodayStatus | None:
        """Tell what was spent today as far as that is known within so many seconds, or None."""

    def want_today(self) -> bool:
        """Have it known soon; False where nobody looks unless somebody asks for that alone."""


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
    await backend.spending.today(LINE_SECONDS)
    text = line(backend.status(), style=style, ascii=call.flag("ascii"))
    return Response(f"{text}\n", media_type="text/plain")
