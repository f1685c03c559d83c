"""`[web]` in config.toml: off unless told, at one port, and each slip reported."""

from typing import Any

import pytest

from tars.config_faults import Notes, Table
from tars.config_web import USUAL_PORT, WebConfig, read_web, web_table


def read(**keys: object) -> tuple[WebConfig, list[str]]:
    notes = Notes()
    return read_web(Table(keys, "web", notes)), notes.faults


def test_the_page_is_off_unless_it_is_told() -> None:
    """Nothing listens on TCP by itself."""
    assert read() == (WebConfig(enabled=False, port=USUAL_PORT), [])


def test_what_is_written_comes_back() -> None:
    """Reading gives what was written."""
    config = WebConfig(enabled=True, port=9000)
    assert read(**web_table(config)) == (config, [])


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"port": 0}, "web.port: must be 1 or more"),
        ({"port": 65_536}, "web.port: must be from 1 to 65535"),
        ({"port": "8277"}, "web.port: must be a whole number, not a string"),
        ({"enabled": 1}, "web.enabled: must be true or false, not an integer"),
        ({"prot": 1}, 'web.prot: unknown key; did you mean "port"?'),
    ],
)
def test_a_slip_is_told(keys: dict[str, Any], fault: str) -> None:
    """Each says where it is, and what is wanted."""
    assert read(**keys) == (WebConfig(), [fault])
