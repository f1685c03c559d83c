"""Programs that have only a screen, under a real daemon."""

import sys
from pathlib import Path

import tomli_w

from tars.control.contract import PromptRequest
from tests.support.tars_home import TarsHome

#: A program that asks, and remembers how often: `Q> ` is its prompt.
QUIZ = r"""
import sys, time
count = 0
while True:
    try:
        line = input("Q> ")
    except KeyboardInterrupt:
        print("\ncancelled")
        continue
    except EOFError:
        break
    count += 1
    print("thinking", end="\r", flush=True)
    if "ask" in line:
        print("May I write? y/n ", end="", flush=True)
        print("written" if sys.stdin.readline().strip() == "y" else "not written")
    elif "long" in line:
        try:
            time.sleep(3600)
        except KeyboardInterrupt:
            print("cancelled")
    elif "die" in line:
        sys.exit(3)
    else:
        print(f"answer {count}: " + line.upper())
    print(f"used {count}k in, {count} out")
    print("---")
"""

SCREEN = r"""
name = "Quiz"
quiet_seconds = 0.15
ready = { pattern = '^Q>$', in = "cursor line" }
cancelled = { pattern = '^cancelled$' }
[type]
paste = "line"
wait_seconds = 0.05
[[asking]]
pattern = '(?P<title>May I write)\? y/n$'
in = "cursor line"
kind = "edit"
allow = ["y", "enter"]
deny = ["n", "enter"]
[answer]
begin = '^Q> '
end = '^---$'
drop = ['^used ', '^thinking$', '^cancelled$']
[usage]
pattern = '^used (?P<input>\S+) in, (?P<output>\S+) out'
"""


def configure(tars: TarsHome, folder: Path, **keys: object) -> None:
    (folder / "quiz.py").write_text(QUIZ)
    (folder / "quiz.toml").write_text(SCREEN)
    table = {
        "kind": "pty",
        "command": [sys.executable, "-S", str(folder / "quiz.py")],
        "screen": str(folder / "quiz.toml"),
        **keys,
    }
    tars.configure(tomli_w.dumps({"agents": {"quiz": table}}))


def test_a_program_answers_asks_and_is_cancelled(tars: TarsHome, tmp_path: Path) -> None:
    """Prompts, permission by policy, a cancelled turn, its death and its return, all by screen."""
    configure(tars, tmp_path, permissions={"default": "deny", "edit": "allow"})
    tars.start()
    first = tars.prompt("one\ttwo\x1b[31m\x03")
    assert (first.outcome, first.text) == ("ok", "answer 1: ONE    TWO[31M")
    assert (first.usage.input_tokens, first.usage.source) == (1000, "estimate")
    assert tars.prompt("please ask").text.endswith("written")
    stream = tars.client.prompt(PromptRequest(text="a long one"))
    for name, _ in stream:
        if name == "started":
            break
    tars.until(lambda status: status.agents[0].turn is not None)
    assert tars.tars("cancel").returncode == 0
    assert tars.result(stream).outcome == "cancelled"
    pid = tars.agent_pid()
    assert tars.prompt("die").outcome == "interrupted"
    tars.until(lambda s: s.agents[0].pid not in (None, pid) and s.agents[0].state == "ready")
    assert tars.prompt("again").text == "answer 1: AGAIN"


def test_any_program_will_do(tars: TarsHome) -> None:
    """Without a description silence is an answer; a program that is not there is a fault."""
    tars.configure(
        '[agents.cat]\nkind = "pty"\ncommand = ["cat"]\n'
        '[agents.bash]\nkind = "pty"\ncommand = ["bash", "--norc", "-i"]\ngrace_seconds = 0\n'
        '[agents.none]\nkind = "pty"\ncommand = ["/nowhere/program"]\n'
        '[agents.sad]\nkind = "pty"\nrestart = "never"\n'
        'command = ["sh", "-c", "echo no key was given; exit 4"]\n'
    )
    tars.start()
    assert tars.prompt("hello\nthere", agent="cat").text == "hello\nthere"
    counted = tars.prompt("seq 1 5000; clear; echo all", agent="bash")
    assert counted.text.endswith("\nall")
    assert counted.text.startswith("\n".join(str(n) for n in range(1, 4900)))
    refused = tars.prompt("\x03", agent="bash").error
    assert refused is not None
    assert "control characters" in refused.message
    failed = tars.until(lambda s: s.agents[2].state == "failed").agents[2]
    assert failed.last_error is not None
    assert failed.last_error.kind == "not_installed"
    sad = tars.until(lambda s: s.agents[3].last_error is not None).agents[3]
    assert sad.last_error is not None
    assert "the end of its screen: no key was given" in sad.last_error.message


def test_a_screen_that_never_looks_ready_is_called_that(tars: TarsHome, tmp_path: Path) -> None:
    """The fault names the key that never matched, and how to see the screen."""
    configure(tars, tmp_path, handshake_seconds=0.5, restart="never")
    screen = tmp_path / "quiz.toml"
    screen.write_text(screen.read_text().replace("^Q>$", "^never$"))
    tars.start()
    fault = tars.until(lambda s: s.agents[0].last_error is not None).agents[0].last_error
    assert fault is not None
    assert (fault.kind, "never showed" in fault.message) == ("timeout", True)
    assert "tars attach quiz" in (fault.advice or "")
    assert "docs/screens.md" in (fault.advice or "")


def test_a_bad_description_is_told_before_anything_starts(tars: TarsHome, tmp_path: Path) -> None:
    """Every fault of the file, with the key that names it."""
    configure(tars, tmp_path)
    (tmp_path / "quiz.toml").write_text('rows = 2\nready = { pattern = "(" }\n')
    done = tars.tars("config", "validate")
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert "agents.quiz.screen" in told
    assert "rows: must be 5 or more" in told
    assert "ready.pattern: not a regular expression" in told
    assert "(docs/screens.md says how to write one). `config.example.toml`" in told
