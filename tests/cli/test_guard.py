"""`tars guard`: a command is watched by what agents in its folder log, and ended when it has to."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tars.accounting.budget import Action, Budget, Per
from tars.accounting.rates import DOLLAR
from tars.cli.app import run
from tars.cli.guarding import Guard
from tests.support.command_line import TARS, OnTerminal, environment

#: What a child does first: a request of Claude Code's in its log, of so many tokens.
LOG = """
import datetime, json, os, signal, subprocess, sys
folder = os.path.join(os.environ["HOME"], ".claude", "projects", "x")
os.makedirs(folder, exist_ok=True)
def spend(tokens, model="claude-sonnet-4-5-20250929", cwd=os.getcwd()):
    usage = {"input_tokens": tokens, "output_tokens": 0}
    name = f"m{os.getpid()}-{tokens}"
    message = {"id": name, "role": "assistant", "model": model, "content": [], "usage": usage}
    at = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
    row = {"type": "assistant", "sessionId": "s1", "cwd": cwd, "timestamp": at, "message": message}
    with open(os.path.join(folder, f"{name}.jsonl"), "a") as file:
        file.write(json.dumps(row) + "\\n")
"""
#: It goes on with what it is told there: the lines that guard writes.
TOLD = "told = open(os.environ['TOLD'])\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home, in whose folder `work` the command runs."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TARS_HOME", str(tmp_path / "tars"))
    monkeypatch.chdir(work)
    return tmp_path


def budget(**fields: object) -> Budget:
    """Three dollars: a million tokens of that model in small requests."""
    usual = {"name": "guard", "per": Per.SESSION, "limit": 3 * DOLLAR, "action": Action.KILL}
    return Budget(**{**usual, **fields})  # type: ignore[arg-type]


def guarded(home: Path, script: str, *, grace: float = 60, **fields: object) -> tuple[int, str]:
    """Guard a child that plays a script. Gives the status, and what guard said to stderr, which
    the child can read in TOLD while it is said."""
    told, kept = home / "told", home / "kept"
    os.mkfifo(told)
    os.environ["TOLD"] = str(told)
    guard = Guard(budget(**fields), "", grace, look_seconds=0.02)
    # Opened for both, so that nobody waits for the other side.
    pipe = os.fdopen(os.open(told, os.O_RDWR), "w", buffering=1, closefd=True)
    try:
        with pipe, kept.open("w+") as file, contextlib.redirect_stderr(_Both(pipe, file)):
            status = guard.run([sys.executable, "-c", LOG + TOLD + script])
            file.seek(0)
            return status, file.read()
    finally:
        del os.environ["TOLD"]


class _Both:
    """A stream that is two."""

    def __init__(self, *streams: object) -> None:
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)  # type: ignore[attr-defined]
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()  # type: ignore[attr-defined]


def test_it_warns_and_lets_the_command_go_on(home: Path) -> None:
    """Once at the share and once over the limit; the exit status is the command's."""
    script = (
        "[spend(150000 + n) for n in range(6)]; told.readline()\nspend(100001); told.readline()\n"
    )
    status, said = guarded(home, script + "sys.exit(3)", action=Action.WARN)
    assert status == 3
    assert said.splitlines() == [
        "tars guard: $2.70 of $3.00 used.",
        "tars guard: $3.00 of $3.00 used, which is all of it.",
        said.splitlines()[-1],
    ]
    assert said.splitlines()[-1].startswith("tars guard: 1,000,016 tokens, $3.00 in ")


def test_over_the_limit_the_command_is_ended(home: Path) -> None:
    """At SIGINT it may still put things in order; the exit status says that it was refused."""
    script = (
        "signal.signal(signal.SIGINT, lambda *_: (spend(7), sys.exit(0)))\n"
        "[spend(190000 + n) for n in range(6)]\nsignal.pause()"
    )
    status, said = guarded(home, script)
    assert status == 5
    assert "tars guard: the command is ended.\n" in said
    assert "tars guard: 1,140,022 tokens, $3.42 in " in said, "the last look is after its end"


def test_whoever_does_not_obey_is_killed_with_all_that_it_began(home: Path) -> None:
    """Rung by rung, also who ignores every signal but the last, and who has lost its parent and
    left its session before anybody looked."""
    script = (
        "for n in (signal.SIGINT, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)\n"
        "one = subprocess.Popen(['sleep', '1000'])\n"
        "lost = subprocess.check_output(['sh', '-c', 'setsid sleep 1000 >/dev/null & echo $!'])\n"
        "pids = f'{os.getpid()} {one.pid} {lost.decode()}'\n"
        "open(os.environ['HOME'] + '/pids', 'w').write(pids)\n"
        "[spend(190000 + n) for n in range(6)]\nwhile True: signal.pause()"
    )
    status, _ = guarded(home, script, grace=0.05)
    assert status == 5
    for pid in map(int, (home / "pids").read_text().split()):
        assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_is_spent_elsewhere_or_was_before_does_not_count(home: Path) -> None:
    """Only sessions in this folder or below it, from the start on; tokens can be the limit."""
    before = "spend(999999)\n"
    subprocess.run([sys.executable, "-c", LOG + before], check=True, env=os.environ)
    script = "spend(888888, cwd='/elsewhere'); spend(5, cwd=os.getcwd() + '/below'); spend(6)\n"
    status, said = guarded(home, script + "told.readline()", limit=None, max_tokens=12)
    assert status == 0
    assert said.startswith("tars guard: 11 of 12 tokens used.\ntars guard: 11 tokens, ")


def test_what_has_no_price_is_told(home: Path) -> None:
    """It is not free; nobody knows what it cost."""
    status, said = guarded(home, "spend(5, model='nobodys-model'); told.readline()")
    assert status == 0
    first, last = said.splitlines()
    assert first == "tars guard: 5 tokens that have no known price do not count in dollars."
    assert last.startswith("tars guard: 5 tokens, $0.00, and 5 tokens that have no known price in ")


def test_a_signal_that_ends_the_command_is_its_status(home: Path) -> None:
    """As shells say it."""
    assert guarded(home, "os.kill(os.getpid(), signal.SIGTERM)")[0] == 128 + signal.SIGTERM


def test_what_is_sent_to_guard_alone_is_passed_on(home: Path) -> None:
    """Without a terminal the interrupt, too; the whole command line, as it is typed."""
    script = "signal.signal(signal.SIGINT, lambda *_: sys.exit(7))\nprint('up', flush=True)\n"
    words = ["guard", "--limit", "1", "--", sys.executable, "-c", LOG + script + "signal.pause()"]
    guard = subprocess.Popen(
        [*TARS, *words],
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert guard.stdout is not None
    assert guard.stdout.readline() == b"up\n"
    guard.send_signal(signal.SIGINT)
    _, said = guard.communicate()
    assert (guard.returncode, said.startswith(b"tars guard: 0 tokens, $0.00 in ")) == (7, True)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--", "true"], 2, "say what the limit is: --limit DOLLARS, --max-tokens N, or both"),
        (["--limit", "0", "--", "true"], 2, "--limit is more than 0 dollars"),
        (["--limit", "1", "--warn-at", "80", "--", "true"], 2, "--warn-at is a share"),
        (["--limit", "1"], 2, "missing argument"),
        (["--limit", "1", "--", "/nowhere/x"], 127, "/nowhere/x cannot be run: No such file"),
        (["--limit", "1", "--", "/"], 126, "/ cannot be run: Permission denied"),
    ],
)
def test_what_cannot_be_guarded_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    """Before anything is run; a command that is none as other wrappers tell it."""
    assert run(["guard", *words]) == status
    assert said.lower() in capsys.readouterr().err.lower()


def test_a_folder_that_is_gone_is_named_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody could say whose spending counts."""
    (home / "work").rmdir()
    assert run(["guard", "--limit", "1", "--", "true"]) == 1
    assert "The folder that this was called in is not there any more." in capsys.readouterr().err


def test_the_terminal_is_the_commands(home: Path) -> None:
    """It can be typed at, and Ctrl-C reaches it once, as without guard."""
    script = (
        "import signal\ngot = []\nsignal.signal(signal.SIGINT, lambda *_: got.append(1))\n"
        "print('name?', flush=True)\nname = input()\nprint(f'{name} {len(got)}', flush=True)"
    )
    guard = OnTerminal(home, "guard", "--limit", "1", "--", sys.executable, "-c", script)
    guard.expect("name?")
    guard.type("\x03")
    # What the terminal echoes is the Ctrl-C that it has taken.
    guard.expect("^C")
    guard.type("you\r")
    guard.expect("you 1")
    assert guard.end() == 0
    assert "tars guard: 0 tokens, $0.00 in " in guard.seen
