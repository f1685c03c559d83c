"""The root: help for everything, one line for what is wrong, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generating.commands import commands
from tars.cli.app import MODULES, run
from tests.support.command_line import LONG_SECONDS, environment, tars
from tests.support.fake_daemon import FakeDaemon

COMMANDS = commands()


def test_the_commands_are_those_that_were_promised() -> None:
    """Nothing is missing, and nothing slipped in."""
    groups = {"config init", "config show", "config validate", "config path"}
    groups |= {"agents detect", "agents knowledge", "agents set", "status line"}
    groups |= {"permissions list", "permissions forget", "history sources"}
    groups |= {"prices list", "prices show", "prices search", "prices update"}
    sessions = {"history", "stats", "show", "search", "export", "import"}
    sessions |= {"rename", "tag", "note", "task start", "task end", "task report"}
    sessions |= {"template save", "template list", "template use", "template delete"}
    sessions |= {"delete", "clean", "archive", "restore", "repair", "backup", "restore-backup"}
    groups |= {f"sessions {words}" for words in sessions}
    groups |= {f"service {words}" for words in ("install", "uninstall", "status", "print")}
    alone = set(MODULES) - {"config", "agents", "permissions", "prices", "sessions", "history"}
    alone -= {"status", "service"}
    assert COMMANDS.keys() == alone | groups
    assert set(MODULES) == {
        *("start", "stop", "restart", "status", "prompt", "cancel", "permit", "permissions"),
        *("reset", "agents", "logs", "config", "doctor", "acp", "attach", "chat", "sessions"),
        *("costs", "prices", "budgets", "guard", "history", "tui", "web", "service"),
    }


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_and_an_example(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The help says what it does, describes every option, and shows a call of it."""
    assert run([*words.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: tars {words}")
    assert "Examples:" in shown
    assert f"tars {words}" in shown.partition("Examples:")[2]
    command = COMMANDS[words]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{parameter.name} of {words} has no help"


@pytest.mark.parametrize("words", sorted({words.rpartition(" ")[0] for words in COMMANDS}))
def test_no_line_of_a_list_of_commands_is_cut_off(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says what its command does in the 80 columns that there always are."""
    assert run([*words.split(), "--help"]) == 0
    lines = capsys.readouterr().out.partition("Commands:")[2].partition("Examples:")[0]
    assert lines.strip()
    assert "..." not in lines


def test_the_root_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`tars` alone shows the same as `tars --help`, and is no error."""
    assert run([]) == 0
    alone = capsys.readouterr().out
    assert run(["--help"]) == 0
    assert capsys.readouterr().out == alone
    assert all(f"\n  {name} " in alone for name in MODULES)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--jsn", "no such option: --jsn (see tars --help)"),
        ("status --jsn", "no such option: --jsn (did you mean --json?)"),
        ("statsu", "no such command: statsu (did you mean status?)"),
        ("xyzzy", "no such command: xyzzy (see tars --help)"),
        ("config shwo", "no such command: shwo (did you mean show?)"),
        ("prompt", "missing argument 'TEXT|-' (see tars prompt --help)"),
        ("prompt a b", "got unexpected extra argument(s) (b) (see tars prompt --help)"),
        ("prompt x --timeout 0", None),
        ("prompt x --timeout nan", None),
        ("prompt x --timeout soon", None),
        ("logs -n -1", None),
        ("permit p1 --deny --option x", None),
        ("start echo --foreground", None),
    ],
)
def test_wrong_usage_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], words: str, line: str | None
) -> None:
    """Exit status 2, nothing on stdout, and no box of usage."""
    assert run(words.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("tars: ")
    assert said.err.count("\n") == 1
    assert line is None or said.err == f"tars: {line}\n"


def test_nonsense_in_the_arguments_does_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A command line may be somebody else's text."""
    assert run(["sta\x1b[31mtus\n"]) == 2
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    ["prompt hi", "cancel", "reset", "permit p1", "agents", "logs -f", "logs", "restart echo"],
)
def test_without_a_daemon_it_is_said_how_to_start_one(
    home: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    """Exit status 3 and the same line for every command that needs one."""
    assert run(words.split()) == 3
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "tars is not running. `tars start` starts it.\n")


def test_a_refusal_is_one_line_with_its_advice(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """The daemon's words, on one line, with the status of the table."""
    daemon.refuse("POST /v1/reset", 409, "busy", "A turn is\nunder way.", "`tars cancel` it.")
    assert run(["reset"]) == 5
    assert capsys.readouterr().err == "tars: A turn is under way. `tars cancel` it.\n"


def test_prompt_does_not_pay_for_the_other_commands(home: Path) -> None:
    """Neither rich, nor the daemon's libraries, nor doctor's."""
    code = "import sys; from tars.cli.app import main; main(); print(*sys.modules)"
    with FakeDaemon(home):
        done = subprocess.run(
            [sys.executable, "-c", code, "prompt", "--no-wait", "hi"],
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=LONG_SECONDS,
        )
    loaded = set(done.stdout.split())
    assert "tars.cli.prompt" in loaded
    assert not loaded & {
        *("rich", "structlog", "sqlalchemy", "anyio", "asyncio", "psutil", "starlette"),
        *("http.client", "tars.cli.doctor", "tars.cli.lifecycle", "tars.config", "tars.daemon"),
    }


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered(home: Path, shell: str) -> None:
    """The script for a shell asks tars; tars answers with its commands."""
    # Without this, the shell is the one among the parents of the tests, if there is one.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = tars(home, "--show-completion", shell, env=named)
    assert done.returncode == 0
    assert "_TARS_COMPLETE" in done.stdout
    assert f"complete_{shell}" in done.stdout


def test_completion_answers(home: Path) -> None:
    """What a shell asks while somebody types `tars sta`."""
    asked = {"_TARS_COMPLETE": "complete_bash", "COMP_WORDS": "tars sta", "COMP_CWORD": "1"}
    done = tars(home, env=asked)
    assert done.stdout.split() == ["start", "status"]


def test_a_reader_that_leaves_ends_the_log_quietly(home: Path) -> None:
    """`tars logs | head -1`: no traceback, no second complaint when Python ends."""
    with FakeDaemon(home) as daemon:
        daemon.lines = ["x" * 1000] * 500
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "tars", "logs"],
            env=environment(home),
            stdout=writing,
            stderr=subprocess.PIPE,
        )
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        _, said = process.communicate(timeout=LONG_SECONDS)
    assert (process.returncode, said) == (0, b"")


def test_a_closed_stdout_is_no_crash(home: Path) -> None:
    """`tars agents >&-`."""
    with FakeDaemon(home):
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec {sys.executable} -m tars agents >&-"],
            env=environment(home),
            capture_output=True,
            timeout=LONG_SECONDS,
        )
    assert (done.returncode, done.stderr) == (0, b"")
