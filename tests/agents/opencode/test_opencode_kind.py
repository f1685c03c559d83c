"""How opencode is launched, and what is said of it."""

import re
from pathlib import Path

from tars.agents.kind import Setup
from tars.agents.opencode.codec import Opencode as Codec
from tars.agents.opencode.kind import Opencode
from tars.agents.registry import KINDS
from tars.runtime.redaction import Redactor

KIND = Opencode()


def setup(tmp_path: Path, **env: str) -> Setup:
    return Setup(
        name="opencode",
        command=("opencode",),
        protocol="serve",
        model="",
        mode="",
        cwd=tmp_path,
        env={"HOME": str(tmp_path), **env},
        tmp=tmp_path / "tmp",
        keep=tmp_path / "keep",
    )


def test_it_is_a_server_on_loopback_with_a_password_of_its_own(tmp_path: Path) -> None:
    """Another one for each process, in nobody's argv; a person's own one is not used."""
    mine = setup(tmp_path, OPENCODE_SERVER_PASSWORD="mine", OPENCODE_SERVER_USERNAME="me")
    first, second = (KIND.launch(mine, None) for _ in range(2))
    assert first.argv == ("opencode", "serve", "--port", "0", "--hostname", "127.0.0.1")
    assert first.http is not None
    assert second.http is not None
    assert first.http.password == first.env["OPENCODE_SERVER_PASSWORD"]
    assert first.http.user == first.env["OPENCODE_SERVER_USERNAME"]
    assert len({first.http.password, second.http.password, "mine"}) == 3
    assert len(first.http.password) >= 40
    assert first.http.password not in repr(first.http)


def test_its_address_is_found_in_its_output(tmp_path: Path) -> None:
    """As version 1.18.33 prints it."""
    http = KIND.launch(setup(tmp_path), None).http
    assert http is not None
    told = re.search(http.listening, "opencode server listening on http://127.0.0.1:4096")
    assert told is not None
    assert told[1] == "http://127.0.0.1:4096"


def test_it_does_not_replace_itself_while_it_works(tmp_path: Path) -> None:
    """The rest of its environment is the person's."""
    env = KIND.launch(setup(tmp_path, OPENCODE_CONFIG="/x"), None).env
    assert env["OPENCODE_DISABLE_AUTOUPDATE"] == "1"
    assert env["OPENCODE_CONFIG"] == "/x"
    assert "OPENCODE_DISABLE_MODELS_FETCH" not in env


def test_its_parts_are_found(tmp_path: Path) -> None:
    """By the registry, by name."""
    assert isinstance(KINDS["opencode"], Opencode)
    assert KIND.protocols == ("serve",)
    assert not KIND.one_shot("serve")
    assert isinstance(KIND.codec(setup(tmp_path)), Codec)
    assert KIND.history(setup(tmp_path), "ses_1").read() is None
    assert KIND.retrying("anything") is None
    assert KIND.last_words(1, "Configuration is invalid") is not None


def test_what_is_known_of_it_is_said_with_what_is_not() -> None:
    """The request for a title is in nobody's count."""
    knowledge = KIND.knowledge("serve")
    assert knowledge.tokens == "every request"
    assert "title" in knowledge.note
    assert knowledge.tested


def test_its_traces_are_found(tmp_path: Path) -> None:
    """Its database, and whether somebody signed in with its own command."""
    env = {"HOME": str(tmp_path)}
    assert KIND.traces(env).signed_in is None
    assert KIND.traces(env).logs == ()
    folder = tmp_path / ".local" / "share" / "opencode"
    folder.mkdir(parents=True)
    (folder / "auth.json").write_text("{}")
    (folder / "opencode.db").write_text("")
    traces = KIND.traces(env)
    assert (traces.signed_in, traces.logs) == (True, (folder / "opencode.db",))


def test_a_password_would_be_struck_out(tmp_path: Path) -> None:
    """By its name, wherever an environment is cleaned of secrets."""
    launch = KIND.launch(setup(tmp_path), None)
    assert launch.http is not None
    cleaned = Redactor(launch.env).clean(f"it is {launch.http.password}")
    assert cleaned == "it is [redacted]"
