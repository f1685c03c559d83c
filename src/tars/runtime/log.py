"""The logger of everything that acts. The daemon decides where its lines go."""

import sys


def _import_structlog() -> None:
    # structlog imports rich, where it is installed, for a console renderer that is not
    # used here: 5 MB of a daemon that aims at 40.
    hidden = "rich" not in sys.modules
    if hidden:
        sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        if hidden:
            del sys.modules["rich"]


_import_structlog()

import structlog  # noqa: E402

log = structlog.get_logger("tars")

__all__ = ["log", "structlog"]
