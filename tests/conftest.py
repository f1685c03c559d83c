"""What every test may ask for."""

import signal

from tests.support.postgres import (
    postgres_server,
    postgres_store_url,
    postgres_template,
    postgres_url,
)

__all__ = ["postgres_server", "postgres_store_url", "postgres_template", "postgres_url"]

# What started the tests may ignore signals (`nohup` does), and that is inherited: the processes
# that they test would never feel one.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
