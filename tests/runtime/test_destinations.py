"""Which conversation a prompt goes to when its turn has come: a new one, another's, the current."""

from pathlib import Path

from tars.agents.echo.kind import Echo
from tars.conversation.model import Opened
from tars.core.agent import Outcome
from tars.runtime.destinations import MOST_BEGUN, Destinations
from tars.runtime.turn import Before, Prompt
from tars.store.rows import Wishes
from tests.support.scripted_kind import ScriptedKind
from tests.support.stage import Stage, play


def test_two_prompts_for_new_conversations_give_two(tmp_path: Path) -> None:
    """The second waits its turn; each knows nothing of what was said before."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=Echo(), protocol="acp")
        await stage.start()
        before = (await stage.asked("before")).session_id
        ids = [stage.prompt("ECHO:history", new=True) for _ in range(2)]
        first, second = [await stage.report(id) for id in ids]
        assert stage.witness.began_turns[1:] == ids
        assert len({before, first.session_id, second.session_id}) == 3
        assert (first.text, second.text) == ("turns=1", "turns=1")
        # The new one is the current one now, and the first can still be gone back to.
        assert driver.session_id == second.session_id
        assert (await stage.asked("ECHO:history")).text == "turns=2"
        assert (await stage.asked("ECHO:history", session=before)).text == "turns=2"

    play(scene, tmp_path)


def test_what_waits_to_join_goes_where_the_first_began(tmp_path: Path) -> None:
    """However many prompts of one project wait, they share one conversation, and no other's."""

    async def scene(stage: Stage) -> None:
        stage.add(kind=Echo(), protocol="acp")
        await stage.start()
        wanted = ["a", "b", "a", "a"]
        ids = [stage.prompt("ECHO:history", new=True, joins=project) for project in wanted]
        reports = [await stage.report(id) for id in ids]
        sessions = [report.session_id for report in reports]
        assert sessions[0] == sessions[2] == sessions[3] != sessions[1]
        assert [report.text for report in reports] == ["turns=1", "turns=1", "turns=2", "turns=3"]

    play(scene, tmp_path)


def test_an_unrecorded_conversation_is_not_gone_back_to(tmp_path: Path) -> None:
    """The one before it is the current one again, and knows nothing of it."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=Echo(), protocol="acp")
        await stage.start()
        before = (await stage.asked("before")).session_id
        secret = await stage.asked("ECHO:history", new=True, unrecorded=True)
        assert secret.text == "turns=1"
        assert secret.session_id not in (None, before)
        assert driver.session_id == before
        assert (await stage.asked("ECHO:history")).text == "turns=2"

    play(scene, tmp_path)


def test_after_an_unrecorded_first_conversation_the_next_is_new(tmp_path: Path) -> None:
    """There is none to go back to, and that one is not gone on with."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(protocol="one-shot")
        await stage.start()
        secret = await stage.asked("text hello", new=True, unrecorded=True)
        assert (secret.outcome, secret.session_id) == (Outcome.OK, "s1")
        assert driver.session_id is None

    play(scene, tmp_path)


def test_a_new_conversation_that_never_came_to_be_leaves_the_old_one(tmp_path: Path) -> None:
    """The next prompt goes where it would have gone without it."""

    async def scene(stage: Stage) -> None:
        driver = stage.add()
        await stage.start()
        await stage.asked("text before")
        report = await stage.asked("text nothing-opened; end error", new=True)
        assert (report.outcome, report.session_id) == (Outcome.ERROR, None)
        assert driver.session_id == "s1"

    play(scene, tmp_path)


def test_a_process_with_one_conversation_begins_another_in_it(tmp_path: Path) -> None:
    """As Claude Code does: for a new one no process is replaced, to go back to one it is."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=ScriptedKind(knows=frozenset({"s1"})))
        await stage.start()
        assert (await stage.asked("text here")).session_id == "s1"
        report = await stage.asked("open s2; text there", new=True)
        assert (report.text, report.session_id) == ("there", "s2")
        assert len(stage.pids()) == 1
        assert (await stage.asked("text back", session="s1")).session_id == "s1"
        assert driver.session_id == "s1"
        assert len(stage.pids()) == 2

    play(scene, tmp_path)


def test_a_process_for_one_prompt_gets_a_new_conversation(tmp_path: Path) -> None:
    """It is made without the session that is the current one."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(protocol="one-shot", session="s8")
        await stage.start()
        assert (await stage.asked("text here")).session_id == "s8"
        assert (await stage.asked("text there", new=True)).session_id == "s1"
        assert driver.session_id == "s1"

    play(scene, tmp_path)


def test_a_conversation_in_which_nothing_was_said_is_a_new_one(tmp_path: Path) -> None:
    """The one that its process opened is taken once, and those that wait join it there."""

    async def scene(stage: Stage) -> None:
        driver = stage.add(kind=Echo(), protocol="acp")
        await stage.start()
        opened = driver.session_id
        ids = [stage.prompt("hello", new=True, joins=key) for key in ("a", "a", "b")]
        sessions = [(await stage.report(id)).session_id for id in ids]
        assert sessions[:2] == [opened, opened]
        assert sessions[2] not in (None, opened)

    play(scene, tmp_path)


def test_a_second_attempt_goes_where_the_first_began() -> None:
    """A new conversation is begun once, also when a daemon ended in between."""
    prompt = Prompt("t1", "one", "hello", before=_before("s7"), wishes=Wishes(new=True))
    assert Destinations().of(prompt, "s1") == "s7"
    unsaid = Prompt("t1", "one", "hello", before=_before(None), wishes=Wishes(new=True))
    assert Destinations().of(unsaid, "s1") is None


def test_what_is_known_of_beginnings_is_bounded() -> None:
    """The oldest is forgotten first; one that is forgotten is looked up anew."""
    destinations = Destinations()
    for number in range(MOST_BEGUN + 1):
        prompt = Prompt("t", "one", "hello", wishes=Wishes(new=True, joins=str(number)))
        destinations.opened(Opened(f"s{number}", False), prompt.begin(0.0, None))
    oldest, newest = [Prompt("t", "one", "", wishes=Wishes(joins=j)) for j in ("0", "1000")]
    assert destinations.of(oldest, "now") == "now"
    assert destinations.of(newest, "now") == "s1000"
    destinations.forget("1000")
    assert destinations.of(newest, "now") == "now"


def _before(session: str | None) -> Before:
    prompt = Prompt("t1", "one", "hello")
    return Before(prompt.begin(0.0, session).began_at, session)
