"""Files of variables are read strictly, and never quoted."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars import config
from tars.config import Config
from tars.config_agents import AgentConfig
from tars.env_file import read_env_file
from tars.errors import ConfigInvalid


def env_file(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "secrets.env"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def faults(path: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigInvalid) as caught:
        read_env_file(path)
    return caught.value.faults


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("export A=exported", "exported"),
        ("  A = spaced out  ", "spaced out"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=a=b", "a=b"),
        ("A=a#b", "a#b"),
        ("A=#b", "#b"),
        ("A=a # b", "a"),
        ("A='single # $HOME \\n'", "single # $HOME \\n"),
        ('A="double # \\"quoted\\" \\n"', 'double # "quoted" \n'),
        ('A="x" # why', "x"),
        ("A=it's", "it's"),
        ("A=$HOME", "$HOME"),
        ("A=half\nA=whole", "whole"),
        ("A=ünï\r", "ünï"),
    ],
)
def test_a_line_gives_its_variable(tmp_path: Path, line: str, value: str) -> None:
    """Quotes, comments and ``export`` mean what they mean in a shell; nothing is expanded."""
    assert read_env_file(env_file(tmp_path, f"# first\n\n{line}\n")) == {"A": value}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("hunter2", "not of the form NAME=VALUE"),
        ("hunter 2=x", "what stands before = is not a name"),
        ("=hunter2", "what stands before = is not a name"),
        ('A="hunter2', "a quote is not closed"),
        ("A='hunter2", "a quote is not closed"),
        ("A='hunter2' hunter2", "something stands after the closing quote"),
        ('A="hunter2\\q"', "an escape that is not known"),
        ('A="hunter2\\ud800"', "an escape that is not known"),
        ("A=hunter2\0", "NUL"),
        ('A="hunter2\\u0000"', "NUL"),
    ],
)
def test_a_fault_names_the_line_and_never_quotes_it(tmp_path: Path, line: str, why: str) -> None:
    """What stands in the file is a secret even where it is wrong."""
    path = env_file(tmp_path, f"B=fine\n{line}\n")
    (fault,) = faults(path)
    assert fault.startswith(f"{path}: line 2: ")
    assert why in fault
    assert "hunter" not in fault


def test_every_fault_is_reported(tmp_path: Path) -> None:
    """Lines and the file's rights are judged in one run."""
    path = env_file(tmp_path, "one\ntwo\n", mode=0o640)
    assert [fault.removeprefix(f"{path}: ") for fault in faults(path)] == [
        f"others can read it: chmod 600 {path}",
        "line 1: not of the form NAME=VALUE",
        "line 2: not of the form NAME=VALUE",
    ]


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    """Not UTF-8, absent, and a folder."""
    path = env_file(tmp_path, b"A=1\nB=\xff\n")
    assert faults(path) == (f"{path}: line 2: not UTF-8",)
    path.unlink()
    assert faults(path) == (f"{path}: cannot be read: No such file or directory",)
    path.mkdir()
    assert faults(path) == (f"{path}: not a regular file",)


@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_give_variables_or_faults(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No file at all raises another error, and what is read can be an environment."""
    try:
        variables = read_env_file(env_file(tmp_path_factory.mktemp("env"), data))
    except ConfigInvalid:
        return
    for name, value in variables.items():
        assert "=" not in name
        assert "\0" not in name + value


def test_the_environment_is_layered(tmp_path: Path) -> None:
    """The env table wins over the agent's file, then come the common file and the daemon."""
    common, own = tmp_path / "common.env", tmp_path / "own.env"
    for path, text in ((common, "B=common\nC=common\nD=common"), (own, "C=own\nD=own")):
        path.touch(mode=0o600)
        path.write_text(text)
    agent = AgentConfig(name="a", kind="echo", cwd=tmp_path, env_file=own, env={"D": "table"})
    whole = Config(default_agent="a", agents={"a": agent}, env_file=common)
    base = {"A": "daemon", "B": "daemon", "C": "daemon", "D": "daemon"}
    assert config.environment(agent, whole, base) == {
        "A": "daemon",
        "B": "common",
        "C": "own",
        "D": "table",
    }
    assert base["D"] == "daemon"


def test_the_environment_takes_a_new_key_and_refuses_a_file_gone_bad(tmp_path: Path) -> None:
    """A rotated key counts from the next start, without a reload."""
    path = env_file(tmp_path, "A=old")
    agent = AgentConfig(name="a", kind="echo", cwd=tmp_path, env_file=path)
    whole = Config(default_agent="a", agents={"a": agent})
    assert config.environment(agent, whole, {}) == {"A": "old"}
    path.write_text("A=new")
    assert config.environment(agent, whole, {}) == {"A": "new"}
    path.chmod(0o644)
    with pytest.raises(ConfigInvalid, match="chmod 600"):
        config.environment(agent, whole, {})
