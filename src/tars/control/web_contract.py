"""Opening the page on the control channel, and closing it, by wire names."""

from tars.control.wire import Wire


class WebRequest(Wire, forbid_unknown_fields=True):
    """`port` is where the page is to be served; null is the configured one, or the one where it is
    served already. 0 takes any that is free."""

    port: int | None = None


class WebOpened(Wire):
    """The page is served. `url` lets one browser in, once, within `expiresInSeconds`: it is a
    secret until then."""

    url: str
    port: int
    expires_in_seconds: int


class WebClosed(Wire):
    """The page is not served any more, and every browser that was let in is forgotten.
    `wasOpen` says whether it was served before."""

    was_open: bool
