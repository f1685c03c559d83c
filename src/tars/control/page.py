"""Opening and closing the page, served: on the Unix socket alone, where its owner asks."""

from typing import TYPE_CHECKING, Protocol

from tars.control.call import Call
from tars.control.web_contract import WebClosed, WebOpened, WebRequest
from tars.errors import RequestInvalid

if TYPE_CHECKING:
    from tars.control.backend import Backend


class PageKeeping(Protocol):
    """What the control channel needs of the daemon to have its page served."""

    async def open(self, port: int | None) -> WebOpened:
        """Serve it, if it is not, and let one more browser in. Raises Refused where the port is
        taken, and UserError where it cannot be had."""

    async def close(self) -> WebClosed:
        """Serve it no more, and forget who was let in. Raises StoreError where that is kept."""


async def opened(backend: "Backend", call: Call) -> WebOpened:
    request = call.read(WebRequest)
    if request.port is not None and not 0 <= request.port <= 65535:
        raise RequestInvalid(f"`port` is from 0 to 65535, not {request.port}.")
    return await backend.page.open(request.port)


async def closed(backend: "Backend", call: Call) -> WebClosed:  # noqa: ARG001
    return await backend.page.close()
