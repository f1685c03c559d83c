"""Codex under tars: the real program, the real daemon, a model that answers at will.

What an @directive in a prompt makes the model do is said in tests/fakes/fake_models.py. Its
answer number n was billed 5000+n input tokens, 3000+n of them cached, and 40+n output
tokens, 8 of them reasoning: each figure names its request.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tars.accounting.usage import Source
from tars.control.contract import PermissionStatus, TurnResult
from tars.conversation.model import RequestUsage
from tests.support.fake_api import FakeApi
from tests.support.tars_home import TarsHome, kill, result, tars_home
from tests.support.walkthrough import Page, somebody

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(100)]


@pytest.fixture
def tars(tmp_path: Path, codex_command: Path, codex_env: dict[str, str]) -> Iterator[TarsHome]:
    """A home whose default agent is the real Codex."""
    with tars_home(tmp_path) as tars:
        configure(tars, codex_command, codex_env)
        yield tars


def configure(tars: TarsHome, command: Path, env: dict[str, str], **keys: str) -> None:
    """Write the configuration; `keys` are TOML values of the agent's table."""
    keys = {"permissions": '"allow"', "mode": '"full-access"', **keys}
    lines = [f"{key} = {value}" for key, value in keys.items()]
    variables = [f"{name} = {json.dumps(value)}" for name, value in env.items()]
    head = ["[agents.codex]", 'kind = "codex"', f'command = ["{command}"]']
    tars.configure("\n".join([*head, *lines, "[agents.codex.env]", *variables]))


def billed(*usages: dict[str, Any]) -> tuple[int, ...]:
    """What the API billed: input, cached, output without reasoning, reasoning."""
    reasoning = sum(u["output_tokens_details"]["reasoning_tokens"] for u in usages)
    return (
        sum(u["input_tokens"] for u in usages),
        sum(u["input_tokens_details"]["cached_tokens"] for u in usages),
        sum(u["output_tokens"] for u in usages) - reasoning,
        reasoning,
    )


def tokens(answer: TurnResult) -> tuple[int, ...]:
    """The same of a turn, as tars counted it."""
    usage = answer.usage
    return usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.thought_tokens


def items_sent(api: FakeApi) -> int:
    """How many items the model was sent with the last request: the conversation so far."""
    count = [entry["nitems"] for entry in api.requests() if "nitems" in entry][-1]
    assert isinstance(count, int)
    return count


def recorded(tars: TarsHome, turn: str, source: Source) -> list[RequestUsage]:
    """The requests of a turn as the ledger keeps them from one source."""
    with tars.store() as store:
        return store.model_requests(turn, source)


def figures(requests: list[RequestUsage]) -> list[tuple[int, ...]]:
    return [(r.input, r.cached, r.cache_write, r.output, r.thoughts) for r in requests]


def test_two_turns_with_a_tool_are_counted_as_billed(tars: TarsHome, codex_api: FakeApi) -> None:
    """To the token, for each request, and by the protocol's own count."""
    tars.start()
    first, second = tars.prompt("hello"), tars.prompt("hello @tool")
    one, two, three = (bill["usage"] for bill in codex_api.billed())
    assert first.text == "Answer number 1 from the fake model."
    assert [tokens(first), tokens(second)] == [billed(one), billed(two, three)]
    assert (second.usage.requests, second.usage.tool_calls) == (2, 1)
    assert second.usage.context_tokens == three["input_tokens"]
    assert {first.usage.source, second.usage.source} == {"official"}
    assert {first.model, second.model} == {"gpt-5.4"}


def test_the_log_agrees_with_the_protocol(tars: TarsHome, codex_api: FakeApi) -> None:
    """Request by request, by the same ids; of a resumed thread the protocol tells no ids."""
    tars.start()
    fresh = tars.prompt("hello @tool")
    assert tars.client.change_agent("codex", "restart").state == "ready"
    resumed = tars.prompt("hello @tool")
    assert resumed.session == fresh.session
    assert tokens(resumed) == billed(*(bill["usage"] for bill in codex_api.billed()[2:]))
    tars.stop()
    for turn, ids in ((fresh, ["resp_fake_0001", "resp_fake_0002"]), (resumed, None)):
        told = recorded(tars, turn.turn, Source.OFFICIAL)
        logged = recorded(tars, turn.turn, Source.LOG)
        assert figures(told) == figures(logged)
        assert {r.model for r in (*told, *logged)} == {"gpt-5.4"}
        assert ids is None or [r.id for r in told] == ids
        # Where they differ: the log has the time of each, and always the id.
        assert ([r.id for r in told] == [r.id for r in logged]) is (ids is not None)
        assert all(r.at for r in logged)
        assert not any(r.at for r in told)


def test_a_subagents_tokens_are_its_parents(tars: TarsHome, codex_api: FakeApi) -> None:
    """It is a thread of its own, and what it says is no part of the answer."""
    tars.start()
    answer = tars.prompt("hello @agent")
    assert (answer.outcome, answer.text) == ("ok", "Answer number 4 from the fake model.")
    # Two requests are on their way at once: either may be answered first.
    bills = {bill["n"]: bill["usage"] for bill in codex_api.billed()}
    assert len(bills) == answer.usage.requests == 4
    assert tokens(answer) == billed(*bills.values())
    assert answer.usage.context_tokens == bills[4]["input_tokens"]
    tars.stop()
    for source in (Source.OFFICIAL, Source.LOG):
        found = recorded(tars, answer.turn, source)
        assert sorted(figures(found)) == [
            (5000 + n, 3000 + n, 0, 32 + n, 8) for n in (1, 2, 3, 4)
        ], source
        [helper] = [r for r in found if r.subagent]
        # Its request is the second or the third: its parent's next is on its way too.
        bill = bills[int(helper.id.removeprefix("resp_fake_"))]
        assert answer.usage.subagent_tokens == bill["total_tokens"]


def test_the_conversation_survives_kill_9_of_the_agent(tars: TarsHome, codex_api: FakeApi) -> None:
    """Killed in mid-turn: the turn is interrupted, and the next prompt has the history."""
    tars.start()
    first = tars.prompt("hello")
    had = items_sent(codex_api)
    stream = tars.under_way("hello @slow")
    was = tars.agent_pid()
    kill(was)
    ended = result(stream)
    assert ended.outcome == "interrupted"
    answer = tars.prompt("hello again")
    assert (answer.outcome, answer.session) == ("ok", first.session)
    assert items_sent(codex_api) > had
    assert tokens(answer) == billed(codex_api.billed()[-1]["usage"])
    agent = tars.agent()
    assert agent.pid != was
    assert agent.restarts == 1
    assert tars.status().warnings == []
    assert tars.session()["interactionCount"] == 3


def test_the_conversation_survives_kill_9_of_the_daemon(tars: TarsHome, codex_api: FakeApi) -> None:
    """Killed in mid-turn: Codex dies with it, and what the turn had used comes from its log."""
    tars.start()
    first = tars.prompt("hello")
    had = items_sent(codex_api)
    tars.under_way("hello @tool @slow")
    agent = psutil.Process(tars.agent_pid())
    kill(tars.daemon_pid())
    psutil.wait_procs([agent], timeout=30)
    assert tars.processes() == []
    tars.start()
    answer = tars.prompt("hello again")
    assert (answer.outcome, answer.session) == ("ok", first.session)
    assert items_sent(codex_api) > had
    _, killed, last = tars.ledger()
    bills = [bill["usage"] for bill in codex_api.billed()]
    counted = killed.usage
    assert (
        counted.input,
        counted.cached,
        counted.output,
        counted.thoughts,
    ) == billed(bills[1])
    assert killed.outcome == "interrupted"
    assert (last.id, tokens(answer)) == (answer.turn, billed(bills[2]))


def test_a_turn_is_cancelled(tars: TarsHome, codex_api: FakeApi) -> None:
    """Codex obeys and lives on; the response that was cut off is counted by nobody."""
    tars.start()
    pid = tars.agent_pid()
    stream = tars.under_way("hello @tool @slow")
    tars.client.cancel()
    ended = result(stream)
    assert ended.outcome == "cancelled"
    assert tokens(ended) == billed(codex_api.billed()[0]["usage"])
    assert tars.ledger()[0].usage.at_least
    # A command that runs is ended with its turn.
    running = tars.under_way("hello @tool @sleep", sign="tool")
    command = the_command(pid)
    tars.client.cancel()
    assert result(running).outcome == "cancelled"
    assert psutil.wait_procs([command], timeout=30)[0] == [command]
    # It has hardly begun: Codex refuses to be interrupted there, and is asked again.
    early = tars.under_way("hello @slow", sign="started")
    tars.client.cancel()
    assert result(early).outcome == "cancelled"
    assert tars.prompt("hello").outcome == "ok"
    assert tars.agent_pid() == pid


def the_command(codex: int) -> psutil.Process:
    """What the model had run: Codex gives it a session of its own, and a shell at first."""
    while True:
        for child in psutil.Process(codex).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if child.cmdline() == ["sleep", "60"]:
                    return child


def test_a_permission_is_asked(
    tars: TarsHome, codex_command: Path, codex_env: dict[str, str]
) -> None:
    """Refused, the call fails and the turn goes on; allowed, it runs; cancelled, both end."""
    asking = {"permissions": '"ask"', "mode": '"untrusted/read-only"'}
    configure(tars, codex_command, codex_env, **asking)
    tars.start()
    for answer, tool in ((["--deny"], "failed"), ([], "completed")):
        stream, asked = ask(tars)
        assert "echo hello" in asked.title
        assert asked.tool_kind == "execute"
        assert tars.tars("permit", asked.id, *answer).returncode == 0
        events = list(stream)
        assert [m.status for name, m in events if name == "tool"][-1] == tool
        assert events[-1][1].outcome == "ok"
    stream, _ = ask(tars)
    tars.client.cancel()
    assert result(stream).outcome == "cancelled"
    assert tars.agent().permissions == []
    assert tars.prompt("hello").outcome == "ok"


def ask(tars: TarsHome) -> tuple[Iterator[Any], PermissionStatus]:
    """Let the model want to run a command, until a person is asked."""
    stream = tars.under_way("hello @tool", sign="permission")
    [asked] = tars.agent().permissions
    return stream, asked


def test_errors_have_their_kinds(tars: TarsHome, codex_api: FakeApi) -> None:
    """Each ends its turn, with what to do; none is counted, and Codex lives on."""
    tars.start()
    pid = tars.agent_pid()
    before = tars.prompt("hello @limits")
    limits = {limit.name: limit for limit in tars.agent().limits}
    assert {name: limit.used_percent for name, limit in limits.items()} == {
        "five_hour": 42,
        "weekly": 7,
    }
    for directive, kind in (
        ("@401", "bad_key"),
        ("@429", "rate_limit"),
        ("@sse-err", "overloaded"),
        ("@404", "unknown_model"),
        ("@ctx", "context_full"),
    ):
        ended = tars.prompt(f"hello {directive}")
        assert ended.error is not None
        assert (ended.outcome, ended.error.kind) == ("error", kind), ended
        assert ended.error.advice
        assert (ended.usage.input_tokens, ended.usage.requests) == (0, 0)
    after = tars.prompt("hello")
    one, *two = (bill["usage"] for bill in codex_api.billed())
    # The context was full: Codex has it summed up first, which is a request like any other.
    assert len(two) == after.usage.requests == 2
    assert [tokens(before), tokens(after)] == [billed(one), billed(*two)]
    # A used-up account is no error yet: the turn waits until it is renewed.
    stream = tars.under_way("hello @quota", sign="waiting")
    assert tars.agent().state == "limited"
    fault = tars.agent().last_error
    assert fault is not None
    assert fault.kind == "quota"
    assert fault.until is not None
    tars.client.cancel()
    assert result(stream).outcome == "cancelled"
    assert tars.agent_pid() == pid


def test_without_an_account_it_does_not_start(tars: TarsHome, codex_env: dict[str, str]) -> None:
    """It is said at once, and not after minutes of retries."""
    (Path(codex_env["HOME"]) / ".codex" / "config.toml").unlink()
    done = tars.tars("start")
    fault = tars.agent().last_error
    assert fault is not None, done
    assert fault.kind == "not_signed_in"
    assert "codex login" in fault.advice


PAGE = Page((Path(__file__).parents[2] / "docs" / "codex.md").read_text())


def test_the_page_can_be_typed_from_top_to_bottom(
    codex_command: Path, codex_env: dict[str, str]
) -> None:
    """docs/codex.md is true: every command gives what it shows."""
    with somebody(codex_command, codex_env, PAGE.config) as person:
        PAGE.type_out(person)
