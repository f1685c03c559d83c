"""kill -9 at many moments: nothing is left over, nothing is lost, nothing is counted twice.

A new daemon for each moment is what costs here. `make kill` plays all prompts with that.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tars.control.contract import PromptRequest
from tars.errors import TarsError
from tars.store.rows import TurnRow
from tests.support.tars_home import TarsHome

#: Prompts with several moments to be killed at; each is one model request at least.
PROMPTS = ("one two three", "ECHO:tools", "ECHO:slow:2:0.05", "ECHO:usage:500:5:400:3")
#: Those with the most kinds of moments between them: requests, tools, and text in pieces.
FOR_THE_DAEMON = PROMPTS if "TARS_KILL_ROUNDS" in os.environ else (PROMPTS[1], PROMPTS[2])


def events(tars: TarsHome, text: str) -> Iterator[str]:
    """The names of a prompt's events; the daemon may end in their midst."""
    try:
        for name, _ in tars.client.prompt(PromptRequest(text=text)):
            yield name
    except TarsError:
        return


def play(tars: TarsHome, text: str, moment: int, pid: int) -> bool:
    """Send a prompt, and kill after so many events. False when there were not so many."""
    for number, _ in enumerate(events(tars, text)):
        if number == moment:
            tars.kill(pid)
            return True
    return False


def check(tars: TarsHome, accepted: int) -> None:
    """session.json is whole and says what the ledger says, to the token."""
    session = tars.session()
    rows = [row for row in tars.ledger() if row.session == session["sessionId"]]
    assert all(row.outcome is not None for row in rows), rows
    ids = Counter(row.id for row in rows)
    assert max(ids.values()) == 1
    prompted = [row for row in rows if not row.id.startswith("background")]
    assert session["interactionCount"] == len(prompted) == accepted
    assert session["totalOutputTokens"] == sum(row.usage.output for row in rows)
    assert session["totalNetTokens"] == sum(row.usage.net for row in rows)
    with tars.store() as store:
        kept = store.session("echo", session["sessionId"])
        assert kept is not None
        assert kept.interaction_count == accepted
        assert kept.total_output_tokens == session["totalOutputTokens"]
        assert kept.total_input_tokens == session["totalInputTokens"]
        assert store.waiting_prompts() == []
        assert store.unfinished_turns() == []
    _check_requests(tars, rows)


def _check_requests(tars: TarsHome, rows: list[TurnRow]) -> None:
    """The agent's own log of its requests has neither more nor less than the ledger."""
    [log] = (tars.home.agent_data("echo") / "echo").glob("*.requests.jsonl")
    made = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(made["output"] for made in made) == sum(row.usage.output for row in rows)
    assert sum(made["input"] for made in made) == sum(row.usage.input for row in rows)


@pytest.mark.parametrize("text", PROMPTS)
def test_the_agent_is_killed_at_every_moment(tars: TarsHome, text: str) -> None:
    """The turn is interrupted or done; the next prompt works, in the same conversation."""
    tars.configure_echo(max_restarts=1000)
    tars.start()
    session, prompts, moment = tars.prompt("the first").session, 1, 0
    while play(tars, text, moment, pid := tars.agent_pid()):
        tars.until(lambda s, pid=pid: s.agents[0].pid != pid)  # type: ignore[misc]
        # Crashes in a row are waited after; a person's start cuts that short.
        tars.client.change_agent("echo", "start")
        answer = tars.prompt("ECHO:history")
        prompts += 2
        assert answer.session == session
        moment += 1
    assert moment >= 3
    check(tars, prompts + 1)
    assert tars.agent().restarts == moment
    assert {p.pid for p in tars.processes()} == {tars.daemon_pid(), tars.agent_pid()}


@pytest.mark.parametrize("text", FOR_THE_DAEMON)
def test_the_daemon_is_killed_at_every_moment(tars: TarsHome, text: str) -> None:
    """Nothing of it is left over, and the next daemon goes on where it was."""
    tars.start()
    session, prompts, moment = tars.prompt("the first").session, 1, 0
    while play(tars, text, moment, tars.daemon_pid()):
        assert json.loads((tars.home.data / "session.json").read_text())["sessionId"] == session
        tars.start()
        answer = tars.prompt("ECHO:history")
        prompts += 2
        assert answer.session == session
        moment += 1
        check(tars, prompts)
        assert {p.pid for p in tars.processes()} == {tars.daemon_pid(), tars.agent_pid()}
    assert moment >= 3
    check(tars, prompts + 1)
