"""Claude Code under tars: the real program, the real daemon, a model that answers at will.

What an @directive in a prompt makes the model do is said in tests/fakes/fake_models.py; its
n-th request is billed 10+n fresh, 200+n written to and 3000+n read from a cache, and 40+n out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tars.accounting.usage import Source
from tars.control.contract import PermissionStatus, PromptRequest, TurnResult
from tars.conversation.model import RequestUsage
from tars.core.agent import Outcome
from tests.support.fake_api import FakeApi
from tests.support.tars_home import TarsHome, kill, result, tars_home

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]


@pytest.fixture
def tars(tmp_path: Path, claude_command: Path, claude_env: dict[str, str]) -> Iterator[TarsHome]:
    """A home whose default agent is the real Claude Code, running."""
    with tars_home(tmp_path) as tars:
        configure(tars, claude_command, claude_env)
        tars.start()
        yield tars


def configure(tars: TarsHome, command: Path, env: dict[str, str], **keys: str) -> None:
    """Write the configuration; `keys` are values of the agent's table."""
    keys = {"kind": "claude", "permissions": "allow", **keys}
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    variables = [f"{name} = {json.dumps(value)}" for name, value in env.items()]
    table = ["[agents.claude]", f'command = ["{command}"]', *lines]
    tars.configure("\n".join([*table, "[agents.claude.env]", *variables]))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Sums of the four kinds that are billed apart."""

    fresh: int
    cache_write: int
    cache_read: int
    output: int


def billed(api: FakeApi, since: int = 0) -> Tokens:
    """What the model's server billed from its n-th request on."""
    usages = [entry["usage"] for entry in api.billed() if entry["n"] > since]
    return Tokens(
        sum(u["input_tokens"] for u in usages),
        sum(u["cache_creation_input_tokens"] for u in usages),
        sum(u["cache_read_input_tokens"] for u in usages),
        sum(u["output_tokens"] for u in usages),
    )


def counted(turn: TurnResult) -> Tokens:
    """What tars says that a turn used."""
    used = turn.usage
    written, read = used.cache_write_tokens, used.cached_tokens
    return Tokens(used.input_tokens - read - written, written, read, used.output_tokens)


def logged(tars: TarsHome, turn: TurnResult) -> list[RequestUsage]:
    """What Claude Code's own log showed of a turn."""
    with tars.store() as store:
        return store.model_requests(turn.turn, Source.LOG)


def told(tars: TarsHome, turn: TurnResult) -> list[RequestUsage]:
    """What its protocol told of a turn, request by request."""
    with tars.store() as store:
        return store.model_requests(turn.turn, Source.OFFICIAL)


def messages_sent(api: FakeApi) -> int:
    """How many messages the model was sent with the last request."""
    return int([r for r in api.requests() if r.get("nmsgs")][-1]["nmsgs"])


def until_logged(tars: TarsHome, env: dict[str, str], turn: TurnResult, *, n: int) -> Path:
    """Wait for the n-th request in the log of a turn's session: it is written after a while."""
    while True:
        for log in Path(env["HOME"]).glob(f".claude/projects/*/{turn.session}.jsonl"):
            if f"msg_fake_{n:04d}".encode() in log.read_bytes():
                return log
        tars.status()


# --- counting ---------------------------------------------------------------


def test_what_was_billed_is_what_is_counted(tars: TarsHome, claude_api: FakeApi) -> None:
    """Two turns, a tool, and both of Claude Code's accounts of them, to the token."""
    first = tars.prompt("one @tool")
    assert (first.outcome, first.usage.requests, first.usage.tool_calls) == ("ok", 2, 1)
    assert first.text == "I will run a command.\n\nAnswer number 2 from the fake model."
    assert counted(first) == billed(claude_api)
    second = tars.prompt("two @think")
    assert second.session == first.session
    assert counted(second) == billed(claude_api, since=2)
    assert second.usage.context_tokens == 13 + 203 + 3003
    assert messages_sent(claude_api) > 2
    tars.stop()
    for turn in (first, second):
        by_id = {request.id: request for request in told(tars, turn)}
        assert by_id
        assert {r.id: (r.input, r.cached, r.output) for r in logged(tars, turn)} == {
            id: (r.input, r.cached, r.output) for id, r in by_id.items()
        }
    assert json.loads(told(tars, first)[0].raw)["cache_creation_input_tokens"] == 201
    rows = tars.ledger()
    assert all(row.usage.cost_microusd for row in rows)
    session = tars.session()
    assert session["interactionCount"] == 2
    assert session["totalOutputTokens"] == billed(claude_api).output


def test_what_subagents_and_compaction_used_is_counted(tars: TarsHome, claude_api: FakeApi) -> None:
    """Its results have both; its log has the subagent's requests apart, and not the
    compaction; what it tells request by request has neither."""
    turn = tars.prompt("one @agent")
    assert counted(turn) == billed(claude_api)
    # The subagent's own are in the log, if that is written by then.
    assert turn.usage.subagent_tokens in (0, 12 + 202 + 3002 + 42)
    assert len(told(tars, turn)) == 2
    compaction = tars.prompt("/compact")
    assert compaction.outcome == "ok"
    used = billed(claude_api, since=3)
    assert used.output > 0
    assert counted(compaction) == used
    tars.stop()
    requests = logged(tars, turn)
    assert sorted(bool(request.subagent) for request in requests) == [False, False, True]
    assert sum(request.output for request in requests) == counted(turn).output
    assert logged(tars, compaction) == []


# --- surviving --------------------------------------------------------------


def test_the_conversation_survives_kill_9_of_the_agent(
    tars: TarsHome, claude_api: FakeApi, claude_env: dict[str, str]
) -> None:
    """Nothing is counted twice, though the session is loaded again."""
    first = tars.prompt("one")
    until_logged(tars, claude_env, first, n=1)
    was = tars.agent_pid()
    stream = tars.under_way("two @slow")
    kill(was)
    interrupted = tars.result(stream)
    assert interrupted.outcome == "interrupted"
    # What was seen of the answer that nobody got.
    assert interrupted.usage.input_tokens == 12 + 202 + 3002
    third = tars.prompt("three")
    assert (third.outcome, third.session) == ("ok", first.session)
    assert tars.agent_pid() != was
    assert counted(third) == billed(claude_api, since=2)
    assert messages_sent(claude_api) >= 4
    assert tars.status().warnings == []


def test_the_conversation_survives_kill_9_of_the_daemon(
    tars: TarsHome, claude_api: FakeApi, claude_command: Path, claude_env: dict[str, str]
) -> None:
    """What its last turn had used by then is read in Claude Code's log."""
    first = tars.prompt("one")
    configure(tars, claude_command, claude_env, permissions="ask", model="claude-haiku-4-5")
    tars.client.reload()
    tars.under_way("two @tool", sign="permission")
    until_logged(tars, claude_env, first, n=2)
    agent, daemon = psutil.Process(tars.agent_pid()), tars.daemon_pid()
    kill(daemon)
    psutil.wait_procs([agent], timeout=30)
    assert tars.processes() == []
    tars.start()
    third = tars.prompt("three")
    assert third.session == first.session
    # The model that was configured meanwhile is chosen with the new process.
    assert third.model == "claude-haiku-4-5"
    assert messages_sent(claude_api) >= 4
    rows = tars.ledger()
    assert [row.outcome for row in rows] == [Outcome.OK, Outcome.INTERRUPTED, Outcome.OK]
    assert rows[1].usage.source is Source.LOG
    assert sum(row.usage.output for row in rows) == billed(claude_api).output


# --- sessions ---------------------------------------------------------------


def test_conversations_are_changed(
    tars: TarsHome, claude_api: FakeApi, claude_env: dict[str, str]
) -> None:
    """A reset needs no other process, nor does a new conversation; an earlier one does. One that
    is gone is refused, and one that is not to be remembered is not gone back to."""
    first, process = tars.prompt("one"), psutil.Process(tars.agent_pid())
    old, pid = first.session, process.pid
    until_logged(tars, claude_env, first, n=1)
    tars.client.reset()
    fresh = tars.prompt("two")
    assert fresh.session not in (None, old)
    assert messages_sent(claude_api) == 2
    assert tars.agent_pid() == pid
    log = until_logged(tars, claude_env, fresh, n=2)
    back = tars.prompt("three", session=old)
    assert (back.outcome, back.session) == ("ok", old)
    assert messages_sent(claude_api) > 2
    assert tars.agent_pid() != pid
    psutil.wait_procs([process], timeout=30)
    log.unlink()
    gone = tars.prompt("four", session=fresh.session)
    assert gone.error is not None
    assert gone.error.kind == "session_unknown"
    assert tars.prompt("five").session == old
    pid = tars.agent_pid()
    newer = tars.prompt("six", new=True)
    assert messages_sent(claude_api) == 2
    assert (newer.session in (None, old, fresh.session), tars.agent_pid()) == (False, pid)
    assert tars.prompt("seven", record=False).session not in (None, newer.session)
    assert messages_sent(claude_api) == 2
    assert tars.prompt("eight").session == newer.session
    assert messages_sent(claude_api) > 2
    assert tars.agent().restarts == 0
    assert sum(row.usage.output for row in tars.ledger()) == billed(claude_api).output


# --- cancelling -------------------------------------------------------------


def test_a_turn_is_cancelled_whenever_it_is(tars: TarsHome, claude_api: FakeApi) -> None:
    """While it streams, and before the agent has even begun; the process lives on."""
    pid = tars.agent_pid()
    stream = tars.under_way("one @slow")
    tars.client.cancel()
    cancelled = result(stream)
    assert cancelled.outcome == "cancelled"
    # The server would bill what it had sent; Claude Code itself counts nothing.
    assert cancelled.usage.input_tokens == 11 + 201 + 3001
    assert claude_api.billed() == []
    stream = tars.under_way("two @slow", sign="started")
    tars.client.cancel()
    assert result(stream).outcome == "cancelled"
    assert tars.prompt("three").outcome == "ok"
    assert tars.agent_pid() == pid
    tars.stop()
    first = tars.ledger()[0]
    assert (first.usage.at_least, first.usage.source) == (True, Source.OFFICIAL)
    # Its log has the beginning of that answer, or nothing.
    assert sum(request.output for request in logged(tars, cancelled)) <= 1


# --- permissions ------------------------------------------------------------


def test_permissions_are_asked_for(
    tars: TarsHome, claude_command: Path, claude_env: dict[str, str]
) -> None:
    """One is refused and the model told so, one is given and the tool runs."""
    configure(tars, claude_command, claude_env, permissions="ask")
    tars.client.reload()
    for answer, written in (["--deny"], False), ([], True):
        stream = tars.client.prompt(PromptRequest(text=f"{'a' if written else 'b'} @tool"))
        asked = next(event for _, event in stream if isinstance(event, PermissionStatus))
        assert asked.tool_kind == "execute"
        assert tars.tars("permit", asked.id, *answer).returncode == 0
        assert result(stream).outcome == "ok"
        assert (tars.home.workspace / "tool-0.txt").exists() is written
    stream = tars.under_way("c @tool", sign="permission")
    tars.client.cancel()
    assert result(stream).outcome == "cancelled"
    assert tars.agent().permissions == []


# --- errors -----------------------------------------------------------------


def test_an_error_says_what_to_do(tars: TarsHome) -> None:
    """The turn failed, and why; the agent answers the next one."""
    for directive, kind, advice in [
        ("@401", "bad_key", "ANTHROPIC_API_KEY"),
        ("@429", "rate_limit", "Wait"),
    ]:
        turn = tars.prompt(f"one {directive}")
        assert turn.outcome == "error"
        assert turn.error is not None
        assert (turn.error.kind, advice in turn.error.advice) == (kind, True)
        assert turn.usage.output_tokens == 0
    assert tars.prompt("two").outcome == "ok"


def test_the_limits_of_an_account_are_told(
    tmp_path: Path, claude_command: Path, claude_env: dict[str, str]
) -> None:
    """A subscription's limits stand in the status; a turn that ran into one says until when."""
    env = {**claude_env, "ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-fake"}
    with tars_home(tmp_path) as tars:
        configure(tars, claude_command, env)
        tars.start()
        assert tars.prompt("one @near").outcome == "ok"
        [limit] = tars.agent().limits
        assert (limit.name, limit.used_percent) == ("five_hour", 92.0)
        turn = tars.prompt("two @spent")
        assert turn.error is not None
        assert (turn.error.kind, (turn.error.until or "")[:10]) == ("quota", "2100-01-01")


@pytest.mark.parametrize(
    ("spoilt", "kind"),
    [("key", "not_signed_in"), ("mode", "bad_config"), ("command", "not_installed")],
)
def test_what_keeps_it_from_starting_is_said(
    tmp_path: Path, claude_command: Path, claude_env: dict[str, str], spoilt: str, kind: str
) -> None:
    """Nobody tries again before somebody has mended it."""
    env = claude_env if spoilt != "key" else {**claude_env, "ANTHROPIC_API_KEY": ""}
    command = tmp_path / "no" / "claude" if spoilt == "command" else claude_command
    keys = {"mode": "no-such-mode"} if spoilt == "mode" else {}
    with tars_home(tmp_path) as tars:
        configure(tars, command, env, **keys)
        done = tars.tars("start")
        assert done.returncode != 0
        agent = tars.agent()
        assert agent.last_error is not None
        assert (agent.last_error.kind, bool(agent.last_error.advice)) == (kind, True)
        assert agent.restarts == 0
