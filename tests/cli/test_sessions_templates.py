"""How a session was set up is kept under a name, and others are begun like it."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from shlex import split

import pytest
from sqlalchemy import insert, update

from tars.cli.app import run
from tars.home import Home
from tars.sessions.library import Library
from tars.store import managing
from tars.store.schema import messages, sessions
from tests.store.samples import NOON, record
from tests.support.fake_daemon import FakeDaemon

Said = pytest.CaptureFixture[str]
PROMPT = "Review {}\nand be thorough."


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a session that has a name, tags, a task, metadata and a first prompt."""
    home = tmp_path_factory.mktemp("built") / "tars"
    Home(home).prepare()
    with Library.open(Home(home)) as library:
        library.store.finish_turn(record("t1", session="session-1"))
        library.store.finish_turn(record("t2", session="session-2"))
        with library.writing() as connection:
            first = update(sessions).where(sessions.c.id == "session-1")
            said = {"name": "review", "task": "T1", "metadata": '{"ticket": "7", "size": 3}'}
            connection.execute(first.values(**said))
            managing.add_tags(connection, 1, ["a", "b"])
            for seq, size in ((1, len(PROMPT)), (2, 9999)):
                row = {"session": seq, "turn": f"t{seq}", "number": 0, "role": "user"}
                rest = {"text": PROMPT, "size": size, "began_at": NOON, "ended_at": NOON}
                connection.execute(insert(messages), {**row, **rest})
    return home


@pytest.fixture
def kept(built: Path, home: Path) -> Path:
    """A copy of it, where the commands look."""
    shutil.copytree(built, home, dirs_exist_ok=True)
    return home


def told(said: Said, words: str, *more: str) -> str:
    """What a command prints that has to work."""
    status = run(["sessions", "template", *split(words), *more])
    printed = said.readouterr()
    assert status == 0, printed.err
    return printed.out


def test_a_template_begins_a_session_like_its_own(kept: Path, capsys: Said) -> None:
    """Agent, task, tags and metadata are sent with the prompt, and a name that is new."""
    saved = told(capsys, "save nightly --from review --with-prompt")
    assert saved == 'Saved template "nightly" of session "review" (session-1).\n'
    with FakeDaemon(kept) as daemon:
        assert told(capsys, "use nightly src/auth.py").strip() == "Hello, world"
        asked = daemon.asked[0].body
    assert asked["text"] == "Review src/auth.py\nand be thorough."
    assert (asked["agent"], asked["new"], asked["name"]) == ("gemini", True, "review-1")
    assert (asked["task"], asked["tags"]) == ("T1", ["a", "b"])
    assert asked["metadata"] == {"ticket": "7", "size": "3"}


def test_names_are_made_by_the_pattern(kept: Path, capsys: Said) -> None:
    """The number is the first that makes a new name; without one, the name can be taken."""
    told(capsys, 'save t --from review --with-prompt --name "review{n}-{date}"')
    day = f"{datetime.now(UTC):%Y-%m}"
    with Library.open(Home(kept)) as library, library.writing() as connection:
        managing.rename(connection, 2, f"review1-{datetime.now().astimezone():%Y-%m-%d}")
    with FakeDaemon(kept) as daemon:
        told(capsys, "use t --no-wait")
        assert daemon.asked[0].body["name"].startswith(f"review2-{day}")
        told(capsys, "save t --from review --with-prompt --name review --replace")
        assert run(["sessions", "template", "use", "t"]) == 2
        assert "is another session's. A pattern with {n}" in capsys.readouterr().err
        assert len(daemon.asked) == 1


def test_words_stand_behind_a_prompt_without_a_place(kept: Path, capsys: Said) -> None:
    """And without a prompt they are all that is sent."""
    with Library.open(Home(kept)) as library, library.writing() as connection:
        connection.execute(update(messages).values(text="Hello", size=5))
    told(capsys, "save with --from review --with-prompt")
    told(capsys, "save without --from review")
    with FakeDaemon(kept) as daemon:
        told(capsys, "use with you")
        told(capsys, "use with")
        told(capsys, "use without you")
        assert [a.body["text"] for a in daemon.asked] == ["Hello\n\nyou", "Hello", "you"]


def test_templates_are_listed_and_deleted(kept: Path, capsys: Said) -> None:
    """For a person and for programs."""
    assert told(capsys, "list") == "No templates yet.\n"
    told(capsys, "save a --from review")
    told(capsys, "save b --from session-2")
    listed = [line.split() for line in told(capsys, "list").splitlines()]
    assert listed[0] == ["TEMPLATE", "AGENT", "MODEL", "NAMES", "TASK", "TAGS", "PROMPT"]
    assert listed[1][:2] == ["a", "gemini"]
    (one, two) = json.loads(told(capsys, "list --format json"))["templates"]
    assert one | {"savedAt": "", "model": ""} == {
        "name": "a",
        "savedAt": "",
        "agent": "gemini",
        "model": "",
        "mode": "",
        "namePattern": "review-{n}",
        "task": "T1",
        "tags": ["a", "b"],
        "metadata": {"ticket": "7", "size": "3"},
        "prompt": None,
    }
    assert two["namePattern"] is None
    assert told(capsys, "list --format csv").startswith("name,savedAt,agent,model,")
    assert told(capsys, "delete a") == 'Deleted template "a".\n'
    assert run(["sessions", "template", "delete", "a"]) == 1


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ("save ../x --from review", 2, "cannot be the name of a template"),
        ("save x --from nothing", 1, "No session has the id or name"),
        ("save x", 2, "missing option '--from'"),
        ("save x --from session-2 --with-prompt", 1, "only a part was kept"),
        ("save x --from review --name a/{n}", 2, "a slash"),
        ("use x", 1, 'There is no template "x"'),
        ("use empty", 2, "has no prompt: say what to send"),
        ("save empty --from review", 2, 'There is a template "empty" already. Say --replace'),
    ],
)
def test_what_cannot_be_is_refused(
    kept: Path, capsys: Said, words: str, status: int, why: str
) -> None:
    """In one line, with the exit status of its kind."""
    told(capsys, "save empty --from review")
    got = run(["sessions", "template", *split(words)])
    line = capsys.readouterr().err
    assert why in line
    assert line.count("\n") == 1
    assert got == status


def test_another_model_than_the_templates_is_told(kept: Path, capsys: Said) -> None:
    """The prompt goes to the agent as it is configured now, and that is said."""
    (kept / "config.toml").write_text('[agents.gemini]\nmode = "plan"\n')
    told(capsys, "save t --from review --with-prompt")
    (kept / "config.toml").write_text('[agents.gemini]\nmode = "yolo"\n')
    with FakeDaemon(kept):
        assert run(["sessions", "template", "use", "t"]) == 0
    assert "gemini has the mode yolo; the template's session had plan." in capsys.readouterr().err
