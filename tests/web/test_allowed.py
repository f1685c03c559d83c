"""What the page may ask of the control channel: what is not named is not there."""

import pytest

from tars.control.routes import ROUTES
from tars.web.allowed import ALLOWED, attached_agent, is_allowed

#: What is left out, and so needs a terminal.
LEFT_OUT = {
    ("POST", "/v1/shutdown"),
    ("POST", "/v1/reload"),
    ("POST", "/v1/reset"),
    ("POST", "/v1/change"),
    ("POST", "/v1/web"),
    ("POST", "/v1/web/close"),
    ("GET", "/v1/logs"),
    ("GET", "/v1/history"),
    ("GET", "/v1/permissions"),
    ("POST", "/v1/permissions/forget"),
    ("POST", "/v1/agents/{name}/keys"),
    ("POST", "/v1/agents/{name}/view"),
    ("POST", "/v1/agents/{name}/settings"),
    ("GET", "/v1/agents/{name}/settings"),
}


def test_each_route_is_allowed_or_left_out_on_purpose() -> None:
    """A new route of the control channel is not the page's before somebody says so."""
    allowed = {
        (route.method, route.path)
        for route in ROUTES
        if is_allowed(route.method, route.path.replace("{", "").replace("}", ""))
    }
    assert allowed | LEFT_OUT == {(route.method, route.path) for route in ROUTES}
    assert allowed & LEFT_OUT == set()
    assert len(allowed) == len(ALLOWED)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/status"),
        ("GET", "/v1/status/"),
        ("GET", "/v1//status"),
        ("GET", "/v1/agents/a/b/attach"),
        ("POST", "/v1/agents//stop"),
        ("GET", "/v1/../v1/status"),
        ("GET", "/V1/status"),
        ("GET", "/v1/status\n"),
    ],
)
def test_nothing_else_is_allowed(method: str, path: str) -> None:
    """A path is allowed whole, by its method."""
    assert not is_allowed(method, path)


def test_who_is_watched_is_named() -> None:
    """So that the screen of a terminal program is left alone."""
    assert attached_agent("/v1/agents/claude/attach") == "claude"
    assert attached_agent("/v1/agents/claude/stop") is None
