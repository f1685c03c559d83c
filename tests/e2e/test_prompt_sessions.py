"""A prompt finds its session: its project's, one that is named, a new one, or none at all."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tars.control.contract import PromptRequest, TurnResult
from tars.errors import NameInvalid, RequestInvalid, SessionAmbiguous, SessionNotFound
from tars.store.machines import Machine
from tars.store.rows import AgentRow
from tars.store.store import Store
from tests.support.tars_home import TarsHome, tars_home

SITE, APP = "/home/me/site", "/home/me/app"
HISTORY = "ECHO:history"


@pytest.fixture
def tars(tmp_path: Path) -> Iterator[TarsHome]:
    """A daemon with the built-in agent."""
    with tars_home(tmp_path) as tars:
        tars.configure_echo()
        tars.start()
        yield tars


def queued(tars: TarsHome, *requests: PromptRequest) -> list[TurnResult]:
    """Send prompts that wait behind a turn which is cancelled then, and give their results."""
    running = tars.under_way("ECHO:slow:1:60")
    streams = []
    for request in requests:
        stream = tars.client.prompt(request)
        assert next(stream)[0] == "accepted"
        streams.append(stream)
    tars.client.cancel()
    tars.result(running)
    return [tars.result(stream) for stream in streams]


def test_each_project_has_its_conversation(tars: TarsHome) -> None:
    """The current one belongs to the first that prompts in it; one that names no project goes to
    the current one; a reset has a project begin anew."""
    first = tars.prompt(HISTORY, project=SITE, branch="main")
    other = tars.prompt(HISTORY, project=APP)
    assert first.session != other.session
    assert (first.text, other.text) == ("turns=1", "turns=1")
    assert tars.prompt(HISTORY).session == other.session
    again = tars.prompt(HISTORY, project=SITE)
    assert (again.session, again.text) == (first.session, "turns=2")
    assert tars.agent().session.id == first.session
    told = tars.client.session(first.session or "")
    assert (told.project, told.branch, told.status, told.spent.turns) == (SITE, "main", "active", 2)
    listed = tars.client.sessions(project="/home/me").sessions
    assert {s.id for s in listed} == {first.session, other.session}
    tars.client.reset()
    anew = tars.prompt(HISTORY, project=SITE)
    assert (anew.text, anew.session not in (first.session, other.session)) == ("turns=1", True)
    # Somebody who names it goes back to it, and so does its project from then on.
    assert tars.prompt(HISTORY, session=first.session).text == "turns=3"
    assert tars.prompt(HISTORY, project=SITE).session == first.session


def test_prompts_that_wait_find_theirs(tars: TarsHome) -> None:
    """Those of one project share the conversation that the first of them begins; two that ask
    for a new one get two; a name is begun once."""
    tars.prompt("hello", project="/elsewhere")
    results = queued(
        tars,
        PromptRequest(text=HISTORY, project=SITE),
        PromptRequest(text=HISTORY, project=APP),
        PromptRequest(text=HISTORY, project=SITE),
        PromptRequest(text=HISTORY, new=True, project=SITE),
        PromptRequest(text=HISTORY, project=SITE),
        PromptRequest(text=HISTORY, new=True, project=SITE),
        PromptRequest(text=HISTORY, name="login", project=SITE),
        PromptRequest(text=HISTORY, name="login"),
    )
    site, app, site_again, new, joined, newer, login, login_again = [r.session for r in results]
    assert site == site_again
    assert new == joined
    assert login == login_again
    assert len({site, app, new, newer, login}) == 5
    texts = [result.text for result in results]
    assert texts == [f"turns={n}" for n in (1, 1, 2, 1, 2, 1, 1, 2)]
    assert tars.client.session("login").id == login


def test_a_new_conversation_waits_through_a_restart(tars: TarsHome) -> None:
    """A daemon that ends meanwhile forgets neither that it is to be new, nor who joins it."""
    tars.prompt("hello", project=APP)
    running = tars.under_way("ECHO:slow:1:60")
    wanted = [
        PromptRequest(text="one", new=True),
        PromptRequest(text="two", new=True),
        PromptRequest(text="three", project=SITE),
        PromptRequest(text="four", project=SITE),
    ]
    turns = [tars.client.submit(request).turn for request in wanted]
    tars.stop()
    tars.result(running)
    tars.start()
    tars.until(lambda _: sum(row.outcome is not None for row in tars.ledger()) >= 6)
    sessions = {row.id: row.session for row in tars.ledger()}
    one, two, three, four = [sessions[turn] for turn in turns]
    assert three == four
    assert len({one, two, three}) == 3


def test_a_session_is_meant_by_its_id_its_beginning_its_name_or_last(tars: TarsHome) -> None:
    """What means none, or several, or what contradicts itself is refused, and nothing is sent."""
    one = tars.prompt("hello", name="login", tags=["web"], task="T1.1", metadata={"ticket": "17"})
    two = tars.prompt("hello", new=True)
    assert one.session
    assert two.session
    for word in (one.session, one.session[:-4], "login"):
        assert tars.prompt("hello", session=word).session == one.session
        assert tars.prompt("hello", session=two.session).session == two.session
    assert tars.prompt("hello", session="last").session == two.session
    told = tars.client.session("login")
    assert (told.tags, told.task, told.metadata["ticket"]) == (["web"], "T1.1", "17")
    turns = len(tars.ledger())
    refused = (
        (SessionAmbiguous, {"session": "echo-"}),
        (SessionNotFound, {"session": "nobody"}),
        (RequestInvalid, {"session": "login", "new": True}),
        (RequestInvalid, {"name": "login", "record": False}),
        (NameInvalid, {"name": "login", "new": True}),
        (NameInvalid, {"name": "../x"}),
        (NameInvalid, {"tags": ["a b"]}),
        (NameInvalid, {"name": "login", "session": two.session}),
    )
    for error, options in refused:
        with pytest.raises(error):
            tars.prompt("hello", **options)
    assert len(tars.ledger()) == turns


def test_a_session_says_whose_it_is(tars: TarsHome) -> None:
    """Without an agent it goes to the session's own; another one's is refused, and so is one that
    is on another machine."""
    tars.configure_echo(more='[agents.other]\nkind = "echo"\nautostart = false')
    tars.client.reload()
    theirs = tars.prompt("hello", agent="other", name="theirs")
    back = tars.prompt(HISTORY, session="theirs")
    assert (back.agent, back.session, back.text) == ("other", theirs.session, "turns=2")
    assert tars.prompt(HISTORY, name="theirs").text == "turns=3"
    with pytest.raises(SessionNotFound, match="one of the agent other, not of echo"):
        tars.prompt(HISTORY, session="theirs", agent="echo")
    with pytest.raises(NameInvalid, match="a session of the agent other"):
        tars.prompt(HISTORY, name="theirs", agent="echo")
    store = Store.open(tars.home.store, machine=Machine("elsewhere", "desk"))
    store.save_agent(AgentRow("echo", "echo", "acp"))
    store.save_session("echo", "far-away", datetime.now(UTC))
    store.close()
    with pytest.raises(SessionNotFound, match="far-away is on the machine desk"):
        tars.prompt(HISTORY, session="far-away")


def test_what_is_not_to_be_remembered_is_not(tars: TarsHome) -> None:
    """Its turn is counted, but no session has it, nothing of it is kept, and the conversation
    before is the current one again, also for the next daemon."""
    before = tars.prompt("hello", project=SITE)
    secret = tars.prompt(HISTORY, record=False, project=SITE)
    assert (secret.outcome, secret.text) == ("ok", "turns=1")
    assert tars.agent().session.id == before.session
    assert tars.session()["sessionId"] == before.session
    assert [s.id for s in tars.client.sessions().sessions] == [before.session]
    assert len(tars.ledger()) == 2
    tars.stop()
    tars.start()
    assert tars.prompt(HISTORY).text == "turns=2"
    assert tars.prompt(HISTORY, project=SITE).session == before.session


def test_projects_can_be_left_out(tars: TarsHome) -> None:
    """A reload that switches them off has every prompt go to the one current conversation."""
    first = tars.prompt("hello", project=SITE)
    tars.configure_echo(more="[sessions]\nper_project = false")
    tars.client.reload()
    assert tars.prompt(HISTORY, project=APP).session == first.session
    tars.configure_echo(more="[sessions]\nenabled = false")
    tars.client.reload()
    assert tars.prompt(HISTORY, project="/elsewhere").session == first.session
    with pytest.raises(RequestInvalid, match="No session is remembered"):
        tars.prompt(HISTORY, name="login")
    tars.configure_echo()
    tars.client.reload()
    assert tars.prompt(HISTORY, project=APP).session != first.session


def test_the_command_says_where_it_is(
    tars: TarsHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository's folders are one project; --resume tells what it resumes."""
    repository = tmp_path / "site"
    (repository / ".git").mkdir(parents=True)
    (repository / ".git" / "HEAD").write_text("ref: refs/heads/feature/login\n")
    (repository / "src").mkdir()

    monkeypatch.chdir(repository / "src")
    tars.prompt("hello", project=APP)
    assert tars.tars("prompt", "--feature", "login", "--task", "T1.1", HISTORY).stdout == "turns=1"
    told = tars.client.session("implement-login")
    assert (told.project, told.branch, told.task) == (str(repository), "feature/login", "T1.1")
    tars.prompt("hello", project=APP)
    done = tars.tars("prompt", "--resume", HISTORY)
    assert done.stdout == "turns=2"
    assert "Resuming implement-login (echo, 1 turn" in done.stderr
    several = tars.tars("prompt", "--session", "implement-login", "--new", "hello")
    assert several.returncode == 2
    assert "exclude each other" in several.stderr
