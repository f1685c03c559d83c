"""No secret of a configuration gets into a backup, and each finds its place again."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.sessions.backup_secrets import MARK, merge, redact

WHOLE = """\
default_agent = "a"  # sk-in-a-comment-0123456789
api_key = "secret1"

[store]
url = "postgresql://tars:secret2@db.example/tars?sslmode=require&password=secret3"

[agents.a]
kind = "acp"
model = "gemini-2.5-pro"
command = [
    "agent", "--api-key", "secret4", "--token=secret5", "--verbose", "ghp_secret6secret6secret6"
]
cwd = "/home/somebody/a-rather-long-project-folder-2026/with-parts"

[agents.a.env]
ANYTHING = "secret7"
"""


def test_no_secret_is_left() -> None:
    """Values of env tables, passwords in URLs, what is called a key, what looks like one."""
    without, count = redact(WHOLE)
    assert "secret" not in without
    assert "sk-" not in without
    assert count == 7
    found = tomllib.loads(without)
    assert found["agents"]["a"]["model"] == "gemini-2.5-pro"
    assert found["agents"]["a"]["cwd"].endswith("with-parts")
    assert found["agents"]["a"]["command"][-2] == "--verbose"
    assert found["store"]["url"].startswith("postgresql://tars:<")


def test_the_secrets_that_are_there_are_put_in_again() -> None:
    """The same configuration comes out; without one, the keys are named."""
    without, _ = redact(WHOLE)
    again, missing = merge(without, WHOLE)
    assert tomllib.loads(again) == tomllib.loads(WHOLE)
    assert missing == ()
    bare, missing = merge(without, None)
    assert missing == ("api_key", "store.url", "agents.a.command", "agents.a.env.ANYTHING")
    assert MARK not in bare


@pytest.mark.parametrize("here", ["[", "agents = 7", 'store = "x"'])
def test_a_strange_configuration_here_is_no_source(here: str) -> None:
    """What cannot be read, or is of another form, counts as not there."""
    without, _ = redact(WHOLE)
    assert "store.url" in merge(without, here)[1]


@given(st.text("abcdefABCDEF0123456789", min_size=20, max_size=40))
def test_what_looks_like_a_key_is_left_out_anywhere(key: str) -> None:
    """Behind the prefixes of the providers, in whichever value."""
    for prefix in ("sk-", "AIza", "ghp_", "xoxb-"):
        assert key not in redact(f'[agents.a]\nmodel = "x {prefix}{key}"')[0]
