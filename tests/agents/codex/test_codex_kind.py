"""Codex is launched as its native binary, and nothing private is in its arguments."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tars.agents.codex.app_server import AppServer
from tars.agents.codex.history import CodexHistory
from tars.agents.codex.kind import Codex
from tars.agents.kind import Kind, Setup
from tars.errors import FaultKind

OVERRIDES = (
    "-c",
    "check_for_update_on_startup=false",
    "-c",
    "features.daemon_auto_start=false",
)


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(
        name="ada",
        command=("codex",),
        protocol="app-server",
        model="gpt-5",
        mode="full-access",
        cwd=tmp_path / "project",
        env={"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin"), "KEY": "secret"},
        tmp=tmp_path / "tmp",
        keep=tmp_path / "keep",
    )


def npm(root: Path, *, inside: bool = False) -> tuple[Path, Path]:
    """Lay out what `npm install -g @openai/codex` does, and give the package and the binary."""
    package = root / "lib" / "node_modules" / "@openai" / "codex"
    wrapper = package / "bin" / "codex.js"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text("#!/usr/bin/env node\n")
    wrapper.chmod(0o755)
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    beside = package / "node_modules" / "@openai" if inside else package.parent
    name = f"codex-{os.uname().sysname.lower()}-{machine}"
    binary = beside / name / "vendor" / "some-triple" / "bin" / "codex"
    binary.parent.mkdir(parents=True)
    binary.write_text("")
    binary.chmod(0o755)
    (root / "bin").mkdir()
    (root / "bin" / "codex").symlink_to(wrapper)
    return package, binary


def test_it_is_a_kind() -> None:
    """One protocol, one warm process, and its own counts are believed."""
    kind: Kind = Codex()
    assert (kind.name, kind.protocols, kind.command) == ("codex", ("app-server",), ("codex",))
    assert not kind.one_shot("app-server")
    assert not kind.trusts_exit_status
    assert kind.counts_on_the_wire
    assert "npm install" in kind.install_advice


@pytest.mark.parametrize("inside", [False, True])
def test_npms_wrapper_is_left_out(setup: Setup, tmp_path: Path, inside: bool) -> None:
    """The binary gets from us what it would get from the wrapper."""
    package, binary = npm(tmp_path, inside=inside)
    launch = Codex().launch(setup, None)
    assert launch.argv == (str(binary), "app-server", *OVERRIDES)
    assert launch.cwd == setup.cwd
    assert launch.env == {
        **setup.env,
        "CODEX_MANAGED_PACKAGE_ROOT": str(package),
        "CODEX_MANAGED_BY_NPM": "1",
    }


def test_anything_else_is_run_as_it_is(setup: Setup, tmp_path: Path) -> None:
    """A wrapper without its binary, a command with arguments, one that is not there."""
    assert Codex().launch(setup, None).argv[:2] == ("codex", "app-server")
    _, binary = npm(tmp_path)
    with_arguments = replace(setup, command=("codex", "--profile", "x"))
    assert Codex().launch(with_arguments, None).argv[:3] == ("codex", "--profile", "x")
    native = replace(setup, command=(str(binary),))
    assert Codex().launch(native, None).argv[0] == str(binary)
    binary.unlink()
    launch = Codex().launch(setup, None)
    assert (launch.argv[0], launch.env) == ("codex", setup.env)


def test_no_secret_and_no_session_is_in_the_arguments(setup: Setup) -> None:
    """Arguments are everybody's to read; the rest goes over the protocol."""
    words = " ".join(Codex().launch(setup, "a-session").argv)
    assert not any(word in words for word in ("secret", "a-session", "gpt-5", "full-access"))


def test_the_rollouts_are_in_codexs_home(setup: Setup, tmp_path: Path) -> None:
    """CODEX_HOME goes before HOME."""
    folder = tmp_path / "own" / "sessions" / "2026" / "01" / "02"
    folder.mkdir(parents=True)
    (folder / "rollout-2026-01-02T00-00-00-s1.jsonl").write_text("")
    own = replace(setup, env={**setup.env, "CODEX_HOME": str(tmp_path / "own")})
    assert Codex().history(own, "s1", "0").read() == ()
    history = Codex().history(setup, "s1", "0")
    assert isinstance(history, CodexHistory)
    assert history.read() is None


def test_it_makes_a_codec_for_each_process(setup: Setup) -> None:
    kind = Codex()
    assert isinstance(kind.codec(setup), AppServer)
    assert kind.codec(setup) is not kind.codec(setup)


def test_it_knows_what_it_can_tell() -> None:
    """All but the cost."""
    known = Codex().knowledge("app-server")
    assert (known.tokens, known.cost, known.tested) == ("every request", False, "0.169.0")
    assert known.subagents
    assert known.limits
    assert known.context


def test_traces_tell_who_is_signed_in(tmp_path: Path) -> None:
    """The file of an account says so; a configuration may name a provider with its own key."""
    env = {"HOME": str(tmp_path)}
    home = tmp_path / ".codex"
    assert (Codex().traces(env).signed_in, Codex().traces(env).logs) == (False, ())
    (home / "sessions").mkdir(parents=True)
    (home / "config.toml").write_text("")
    assert Codex().traces(env).signed_in is None
    (home / "auth.json").write_text("{}")
    assert Codex().traces(env).signed_in is True
    assert Codex().traces({"CODEX_HOME": str(home)}).logs == (home / "sessions",)


def test_its_last_words() -> None:
    """Its stderr tells little, and its protocol tells of retries."""
    kind = Codex()
    assert kind.retrying("Reconnecting... 1/5") is None
    assert kind.last_words(0, "") is None
    assert kind.last_words(-9, "Error loading config.toml: x") is None
    for status, words, expected in (
        (1, "Error loading config.toml: bad", FaultKind.BAD_CONFIG),
        (127, "env: 'node': No such file or directory", FaultKind.NOT_INSTALLED),
    ):
        fault = kind.last_words(status, words)
        assert fault is not None
        assert fault.kind is expected
