"""What of the control channel the page may ask for. The rest is not there for it."""

import re

#: Each with the words of its path; ``*`` stands for a name.
ALLOWED: tuple[tuple[str, str], ...] = (
    ("GET", "/v1/status"),
    ("GET", "/v1/agents"),
    ("GET", "/v1/agents/*/attach"),
    ("POST", "/v1/agents/*/start"),
    ("POST", "/v1/agents/*/stop"),
    ("POST", "/v1/agents/*/restart"),
    ("GET", "/v1/queue"),
    ("POST", "/v1/prompt"),
    ("POST", "/v1/cancel"),
    ("POST", "/v1/permit/*"),
    ("GET", "/v1/sessions"),
    ("GET", "/v1/sessions/*"),
    ("GET", "/v1/sessions/*/messages"),
    ("GET", "/v1/sessions/*/summary"),
    ("POST", "/v1/sessions/*/rename"),
    ("POST", "/v1/sessions/*/archive"),
    ("POST", "/v1/sessions/*/unarchive"),
    ("GET", "/v1/search"),
    ("GET", "/v1/stats"),
    ("GET", "/v1/costs"),
    ("GET", "/v1/budgets"),
    ("GET", "/v1/events"),
)

_ATTACH = re.compile(r"/v1/agents/([^/]+)/attach")
_PATTERNS = tuple(
    (method, re.compile(re.escape(path).replace(r"\*", r"[^/]+"))) for method, path in ALLOWED
)


def is_allowed(method: str, path: str) -> bool:
    """Say whether the page may ask for this; `path` is decoded."""
    return any(m == method and pattern.fullmatch(path) for m, pattern in _PATTERNS)


def attached_agent(path: str) -> str | None:
    """Name the agent that somebody wants to watch; None where it is about something else."""
    found = _ATTACH.fullmatch(path)
    return found[1] if found else None
