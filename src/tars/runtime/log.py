"""The logger of everything that acts. The daemon decides where its lines go."""

import structlog

log = structlog.get_logger("tars")
