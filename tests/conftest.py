"""What every test may ask for."""

from tests.support.postgres import (
    postgres_server,
    postgres_store_url,
    postgres_template,
    postgres_url,
)

__all__ = ["postgres_server", "postgres_store_url", "postgres_template", "postgres_url"]
