"""What every test may ask for."""

import os
import signal
import tempfile

from hypothesis import HealthCheck, settings

from tests.support.postgres import (
    postgres_server,
    postgres_store_url,
    postgres_template,
    postgres_url,
)
from tests.support.quick_disk import quick_folder

__all__ = ["postgres_server", "postgres_store_url", "postgres_template", "postgres_url"]

# What started the tests may ignore signals (`nohup` does), and that is inherited: the processes
# that they test would never feel one.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes depends on what else the machine does.
settings.register_profile(
    "tars", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tars")

QUICK = quick_folder()
if QUICK is not None and "TMPDIR" not in os.environ:
    tempfile.tempdir = QUICK
    # pytest's name for where its folders are made.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", QUICK)
