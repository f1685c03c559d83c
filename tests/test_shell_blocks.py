"""Every line of every `sh` block in docs/ is typed, from top to bottom, and works.

Those of the README are typed by `test_readme.py`, those of `console` blocks by the test of their
page, which also compares what is printed.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from docs.generating import files
from tars.home import Home
from tars.sessions.library import Library
from tests.support.quick_commands import quick_commands
from tests.support.remembered import change, remember
from tests.support.service_managers import fake_systemctl
from tests.support.tars_home import TarsHome

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
TESTS = ROOT / "tests"

#: Lines that a test cannot type, why, and the test that stands for each.
NOT_TYPED: Mapping[str, tuple[str, str]] = {
    "pipx install .": ("needs a registry", "test_repository.py"),
    "tars attach": ("needs a terminal", "e2e/test_attach.py"),
    "tars attach reviewer": ("needs a terminal", "e2e/test_attach.py"),
    "tars attach reviewer --take": ("needs a terminal", "e2e/test_attach.py"),
    "tars tui": ("needs a terminal", "tui/test_terminal.py"),
    "tars sessions delete 3f2a9c01": ("asks on a terminal", "cli/test_sessions_managing.py"),
    "tars logs -f": ("does not end by itself", "e2e/test_logs.py"),
    "tars status --watch 5": ("does not end by itself", "cli/test_status.py"),
    "tars start --foreground": ("does not end by itself", "e2e/test_service_manager.py"),
    "tars cancel --turn 849fd4f93fd7ce82": ("a turn has an id of its own", "cli/test_turns.py"),
    "tars agents set claude --model opus": ("`echo` has one model", "cli/test_agents.py"),
    "tars chat --new --agent claude --model opus": ("`echo` has one model", "e2e/test_chat.py"),
    "tars prices update": ("needs the network", "prices/test_updating.py"),
    "curl -s https://example.org/chat.json | tars sessions import -": (
        "needs the network",
        "cli/test_sessions_files.py",
    ),
    "loginctl enable-linger": ("needs systemd", "service/test_under_systemd.py"),
    "journalctl --user -u tars -n 20": ("needs systemd", "service/test_under_systemd.py"),
    "sudo tars service install --system --user NAME": (
        "needs root",
        "service/test_under_systemd.py",
    ),
    "sudo ~/.local/bin/tars service install --system --user NAME": (
        "needs root",
        "service/test_under_systemd.py",
    ),
}
#: Lines that are right to end with another status than 0.
STATUS: Mapping[str, int] = {
    # The daemon that runs is not the service's.
    "tars service status": 3,
    "tars service status --system": 3,
}
#: Not everybody has them; lines that need one that is not there are left out.
MAY_BE_MISSING = ("jq", "curl", "git")
#: Programs that lines hand over to tars.
GUARDED = ("claude", "codex", "make")
CONFIG = 'default_agent = "gemini"\n' + "".join(
    f'[agents.{name}]\nkind = "echo"\nautostart = {str(name == "gemini").lower()}\n'
    for name in ("gemini", "claude", "codex", "reviewer", "web")
)
#: Sessions that were kept, and their names.
SESSIONS = {
    "3f2a9c01-5d1e": "fix-login",
    "77aa0002-5d1e": "experiment-1",
    "77aa0003-5d1e": "experiment-2",
}
EXPORTS = (ROOT / "docs" / "exports.md").read_text()

Deed = Callable[["TarsHome"], object]


def typed(*commands: str) -> Deed:
    """Give what types these lines, all of which have to work."""

    def type_them(person: TarsHome) -> None:
        for command in commands:
            status, said = type_line(command, person)
            assert status == 0, f"{command}\n{said}"

    return type_them


def asked(kind: str) -> Deed:
    """Give what has an agent ask for permission to use a tool of a kind."""

    def ask(person: TarsHome) -> None:
        typed(f'tars prompt --no-wait "ECHO:ask:{kind}"')(person)
        person.until(lambda status: any(agent.permissions for agent in status.agents))

    return ask


def anew(person: TarsHome) -> None:
    """Another daemon counts from the beginning."""
    person.stop()
    person.start()


def all_of(*deeds: Deed) -> Deed:
    """Give one that does all of these."""
    return lambda person: [deed(person) for deed in deeds]


#: What somebody has done by the time that they type a line.
BEFORE: Mapping[str, Deed] = {
    "tars chat --resume login-page": typed('tars prompt --new --name login-page "Begin."'),
    "tars config init": lambda person: person.home.config.unlink(),
    "tars costs": lambda person: person.configure(CONFIG),
    "tars permissions forget execute --agent gemini": all_of(
        asked("execute"), typed("tars permit p1 --always")
    ),
    "tars permit p1": all_of(anew, asked("execute")),
    "tars permit p2 --always": asked("edit"),
    "tars permit p3 --option proceed_once": asked("execute"),
    "tars permit p4 --deny": asked("execute"),
    "tars sessions archive fix-login --to ~/old-sessions": typed("tars sessions restore fix-login"),
    'tars sessions rename 3f2a9c01 --title "The login that failed on Mondays"': typed(
        "tars sessions restore 3f2a9c01"
    ),
    "tars sessions repair --dry-run": TarsHome.stop,
    "tars sessions repair --from ~/.tars/data/tars.db.corrupt-20261121T115822Z": typed(
        "cp ~/.tars/data/tars.db ~/.tars/data/tars.db.corrupt-20261121T115822Z"
    ),
    "tars sessions restore fix-login": typed(
        "tars sessions rename 3f2a9c01 fix-login", "tars sessions archive fix-login"
    ),
    "tars sessions restore ~/.tars/archive/fix-login-gemini-3f2a9c01-*.json": typed(
        "tars sessions archive fix-login --to ~/.tars/archive",
        "tars sessions delete fix-login --yes",
    ),
    "tars sessions task end T1.1": typed("tars sessions task start T1.1"),
    "tars sessions task start T1.1 --estimate-tokens 200000 --estimate-cost 2.50": typed(
        "tars sessions task end T1.1"
    ),
    "tars sessions template delete review": typed(
        "tars sessions template save review --from fix-login"
    ),
    'tars sessions template save review --from last --with-prompt --name "review-{date}-{n}"': (
        all_of(
            TarsHome.start,
            typed("tars sessions template delete review", 'tars prompt --new "Review {}"'),
        )
    ),
    "tars stop gemini": TarsHome.start,
    # The usual port may be another test's just now; a page that is open stays where it is.
    "tars web": typed("tars web --no-open --port 0"),
}


def lines(page: Path) -> list[str]:
    """Every line of every block that is marked as commands."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def type_line(line: str, person: TarsHome) -> tuple[int, str]:
    """Run one line in a shell, in a project; give its status and what it said."""
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=Path(person.env["HOME"]) / "project",
        env=person.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def you() -> Iterator[TarsHome]:
    """Somebody with agents, a project, sessions that were kept, and a daemon that runs."""
    with ExitStack() as stack:
        # The path of a socket has to be short.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tars-")))
        env = {
            "PATH": f"{quick_commands()}:{programs(folder)}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TARS_HOME": str(folder / ".tars"),
            "XDG_RUNTIME_DIR": "/none",
            "LANG": "C.UTF-8",
            "EDITOR": "cat",
            "BROWSER": "true",
        }
        person = TarsHome(Home(folder / ".tars"), env)
        person.configure(CONFIG)
        with Library.open(person.home) as library:
            for id, name in SESSIONS.items():
                remember(library, f"turn-{name}", session=id)
                change(library, id, name=name, status="completed")
        furnish(folder / "project")
        stack.callback(person.drain)
        person.start()
        yield person


def programs(folder: Path) -> Path:
    """Make stand-ins for what a machine of tests has not, or shall not have changed."""
    found = fake_systemctl(folder / "systemd").programs
    for name in GUARDED:
        (found / name).write_text("#!/bin/sh\necho 1.0.0\n")
        (found / name).chmod(0o755)
    return found


def furnish(project: Path) -> None:
    """Make a project in which something was changed, with files that lines read."""
    project.mkdir()
    toon = re.search(r"^```toon\n(.*?)^```$", EXPORTS, re.MULTILINE | re.DOTALL)
    assert toon
    (project / "conversation.toon").write_text(toon[1])
    (project / "questions.txt").write_text("What is this?\n")
    if shutil.which("git"):
        git = ["git", "-C", str(project), "-c", "core.hooksPath=/none"]
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "add", "."], check=True)
    (project / "questions.txt").write_text("And what is that?\n")


def test_every_line_works_in_the_order_of_the_pages(you: TarsHome) -> None:
    """Somebody who types the pages meets no error, and has no file that docs/files.md names not."""
    wrong = []
    for line in every_line():
        if line in NOT_TYPED or lacks(line):
            continue
        BEFORE.get(line, typed())(you)
        status, said = type_line(line, you)
        if status != STATUS.get(line, 0):
            wrong.append(f"$ {line}\n{said}exit status {status}")
    assert wrong == [], "\n\n".join(wrong)
    assert unnamed(you.home) == []


def test_what_is_not_typed_stands_in_a_page() -> None:
    """An exception that outlived its line would hide the next one; what stands for it is there."""
    every = every_line()
    assert [line for line in (*NOT_TYPED, *BEFORE, *STATUS) if line not in every] == []
    assert [test for _, test in NOT_TYPED.values() if not (TESTS / test).is_file()] == []


def unnamed(home: Home) -> list[str]:
    """Give the files of a home that are neither named nor below a folder of somebody's own."""
    theirs = ("data/AGENT/", "archive/", "workspace/", "run/tmp/AGENT/")
    known = "|".join(
        re.escape(path).replace("AGENT", "[^/]+") + (".*" if path in theirs else "")
        for path in files.entries()
    )
    # What stands behind a name is told below the table.
    pattern = re.compile(rf"({known})(-wal|-shm|\.corrupt-\w+|\.before-restore-\w+)*")
    found = (str(path.relative_to(home.root)) for path in home.root.rglob("*") if path.is_file())
    return [path for path in found if not pattern.fullmatch(path)]


def every_line() -> list[str]:
    """Every line of every page, each where it stands first."""
    return list(dict.fromkeys(line for page in PAGES for line in lines(page)))


def lacks(line: str) -> bool:
    """Say whether this machine has not what a line needs."""
    return any(
        re.search(rf"\b{name}\b", line) and not shutil.which(name) for name in MAY_BE_MISSING
    )
