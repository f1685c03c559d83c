"""What config.toml says of the page in the browser → frozen values: `[web]`."""

from dataclasses import dataclass, fields
from typing import Any

from tars.config_faults import Table

#: No program that is known uses it.
USUAL_PORT = 8277
MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The ``[web]`` table. `enabled` serves the page from the daemon's start on; else `tars web`
    has it served."""

    enabled: bool = False
    port: int = USUAL_PORT


def read_web(table: Table) -> WebConfig:
    """Read ``[web]``."""
    usual = WebConfig()
    port = table.count("port", usual.port, at_least=1)
    if port > MOST_PORT:
        table.fault("port", f"must be from 1 to {MOST_PORT}")
        port = usual.port
    found = WebConfig(enabled=table.flag("enabled", default=usual.enabled), port=port)
    table.refuse_unknown()
    return found


def web_table(config: WebConfig) -> dict[str, Any]:
    """Give the table ``[web]``, every key with its value in force."""
    return {field.name: getattr(config, field.name) for field in fields(config)}
