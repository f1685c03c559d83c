"""opencode under tars: the real program, the real daemon, a model that answers at will.

What `@…` in a prompt makes the model do is said in tests/fakes/fake_models.py. opencode takes
seconds to start: one daemon serves several claims here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tars.accounting.usage import Source
from tars.control.contract import PermissionStatus, PromptRequest, TurnResult
from tests.real_agents.conftest import opencode_home
from tests.support.fake_api import FakeApi, fake_models
from tests.support.tars_home import TarsHome, kill, result, tars_home
from tests.support.walkthrough import Page, somebody

pytestmark = [pytest.mark.real_agent, pytest.mark.timeout(200)]


@pytest.fixture
def tars(
    tmp_path: Path, opencode_command: Path, opencode_env: dict[str, str]
) -> Iterator[TarsHome]:
    """A home whose default agent is the real opencode."""
    with tars_home(tmp_path) as tars:
        configure(tars, opencode_command, opencode_env)
        yield tars


def configure(
    tars: TarsHome, command: Path, env: dict[str, str], *, more: str = "", **keys: str
) -> None:
    """Write the configuration; `keys` are TOML values of the agent's table, `more` follows."""
    keys = {"permissions": '"allow"', **keys}
    lines = [f"{key} = {value}" for key, value in keys.items()]
    variables = [f"{name} = {json.dumps(value)}" for name, value in env.items()]
    tars.configure(
        "\n".join(
            [
                'default_agent = "opencode"',
                "[agents.opencode]",
                'kind = "opencode"',
                f'command = ["{command}"]',
                *lines,
                "[agents.opencode.env]",
                *variables,
                more,
            ]
        )
    )


def billed(api: FakeApi, since: int = 0) -> list[tuple[int, int, int, int]]:
    """What the fake billed, request by request: input, cached, output and thoughts."""
    found = []
    for entry in api.billed()[since:]:
        usage = entry["usage"]
        thoughts = usage["completion_tokens_details"]["reasoning_tokens"]
        found.append(
            (
                usage["prompt_tokens"],
                usage["prompt_tokens_details"]["cached_tokens"],
                usage["completion_tokens"] - thoughts,
                thoughts,
            )
        )
    return found


def counted(tars: TarsHome, turn: str, source: Source) -> list[tuple[int, int, int, int]]:
    """What tars has on record for a turn, in the same form."""
    with tars.store() as store:
        rows = store.model_requests(turn, source)
    return [(r.input, r.cached, r.output, r.thoughts) for r in rows]


def sums(answer: TurnResult) -> tuple[int, int, int, int]:
    usage = answer.usage
    return usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.thought_tokens


def added(rows: list[tuple[int, int, int, int]]) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip(*rows, strict=True))


def under_way(tars: TarsHome, text: str, sign: str = "text") -> Iterator[Any]:
    """Send a prompt and give its stream once this event came."""
    stream = tars.client.prompt(PromptRequest(text=text))
    for name, _ in stream:
        if name == sign:
            return stream
    raise AssertionError(f"the turn ended without a {sign}")


# --- one opencode for all of these ----------------------------------------------------


@pytest.fixture(scope="module")
def api() -> Iterator[FakeApi]:
    with fake_models() as api:
        yield api


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, opencode_command: Path, api: FakeApi
) -> Iterator[TarsHome]:
    """A daemon whose opencode asks before it runs a command."""
    folder = tmp_path_factory.mktemp("oc")
    with tars_home(folder) as tars:
        env = opencode_home(folder / "opencode-home", api)
        configure(tars, opencode_command, env, permissions='"ask"')
        tars.start()
        yield tars


def test_every_request_is_counted_but_the_title(shared: TarsHome, api: FakeApi) -> None:
    """To the token, with and without tools, by the protocol and by opencode's own database."""
    shared.tars("reset")
    seen = len(api.billed())
    first = shared.prompt("hello")
    # The title's request is billed beside it, whichever comes first, and nobody counts it.
    shared.until(lambda _: len(api.billed()) >= seen + 2)
    bills = billed(api, seen)
    assert len(bills) == 2
    assert sums(first) in bills
    assert first.text.startswith("Answer number ")
    assert (first.outcome, first.model, first.usage.source) == ("ok", "fake/fake-model", "official")

    seen += len(bills)
    stream, asked = asks(shared, "@tool please")
    assert (asked.tool_kind, "echo hello" in asked.title) == ("execute", True)
    assert shared.tars("permit", asked.id).returncode == 0
    tool = result(stream)
    bills = billed(api, seen)
    assert (tool.outcome, tool.usage.requests, tool.usage.tool_calls) == ("ok", 2, 1)
    assert sums(tool) == added(bills)
    assert counted(shared, tool.turn, Source.OFFICIAL) == bills
    # What came too late for its turn is looked for before the next; opencode takes its time.
    logged: object = None
    for _ in range(5):
        shared.prompt("hello")
        logged = counted(shared, tool.turn, Source.LOG)
        if logged == bills:
            break
    assert logged == bills


def test_subagents_belong_to_their_turn(shared: TarsHome, api: FakeApi) -> None:
    """With their tokens and their price; the window is the conversation's own."""
    shared.prompt("hello")
    seen = len(api.billed())
    agent = shared.prompt("@agent please")
    bills = billed(api, seen)
    assert (agent.outcome, len(bills)) == ("ok", 3)
    assert sums(agent) == added(bills)
    with shared.store() as store:
        told = store.model_requests(agent.turn, Source.OFFICIAL)
        assert sorted(r.subagent for r in told) == ["", "", "general"]
        assert store.turns(1)[0].usage.cost_microusd == sum(r.cost_microusd or 0 for r in told) > 0
    context = shared.agent().context
    assert context is not None
    assert (context.used, context.size) == (sum(bills[-1]) - bills[-1][1], 200000)


def test_what_fails_and_what_is_cancelled_is_said(shared: TarsHome, api: FakeApi) -> None:
    """With advice, and at once; the conversation goes on."""
    refused = shared.prompt("@401")
    assert refused.error is not None
    assert (refused.outcome, refused.error.kind) == ("error", "bad_key")
    assert "opencode auth login" in (refused.error.advice or "")

    stream = under_way(shared, "@slow")
    shared.client.cancel()
    # The model would have gone on for 20 s.
    ended = result(stream)
    assert (ended.outcome, ended.duration_ms < 15_000) == ("cancelled", True)
    with shared.store() as store:
        assert store.turns(1)[0].usage.at_least
    again = shared.prompt("hello again")
    assert (again.outcome, again.session) == ("ok", refused.session)
    assert sums(again) == billed(api)[-1]


def test_it_asks_a_person(shared: TarsHome) -> None:
    """For leave, which may be refused, and questions of its own; a cancel answers what is open."""
    shared.prompt("hello")
    stream, asked = asks(shared, "@tool refused")
    assert shared.tars("permit", asked.id, "--deny").returncode == 0
    refused = result(stream)
    # opencode ends the turn where it is refused something.
    assert (refused.outcome, refused.usage.requests) == ("ok", 1)

    stream, asked = asks(shared, "@ask me")
    assert (asked.title, [o.name for o in asked.options][:2]) == ("Which one?", ["left", "right"])
    assert shared.tars("permit", asked.id).returncode == 0
    assert result(stream).outcome == "ok"

    stream, _ = asks(shared, "@tool cancelled")
    shared.client.cancel()
    assert result(stream).outcome == "cancelled"
    assert shared.agent().permissions == []
    assert shared.prompt("hello").outcome == "ok"


def asks(tars: TarsHome, text: str) -> tuple[Iterator[Any], PermissionStatus]:
    stream = tars.client.prompt(PromptRequest(text=text))
    for name, event in stream:
        if name == "permission":
            assert isinstance(event, PermissionStatus)
            return stream, event
    raise AssertionError("nothing was asked")


# --- an opencode of their own -----------------------------------------------------------


def test_the_conversation_survives_kill_9(tars: TarsHome, opencode_api: FakeApi) -> None:
    """Of the agent and of the daemon, in mid-turn; nothing is counted twice, nothing is left,
    and no password is anywhere to be read."""
    tars.start()
    first = tars.prompt("remember")
    stream = under_way(tars, "@tool @slow")
    process = psutil.Process(tars.agent_pid())
    password = process.environ()["OPENCODE_SERVER_PASSWORD"]
    kill(process.pid)
    assert result(stream).outcome == "interrupted"
    second = tars.prompt("go on @tool")
    assert (second.outcome, second.session) == ("ok", first.session)
    assert sums(second) == added(billed(opencode_api)[-2:])
    assert said_before(opencode_api) >= 2

    under_way(tars, "@tool @slow")
    process = psutil.Process(tars.agent_pid())
    assert process.environ()["OPENCODE_SERVER_PASSWORD"] != password
    password = process.environ()["OPENCODE_SERVER_PASSWORD"]
    assert password not in " ".join(process.cmdline())
    kill(tars.daemon_pid())
    psutil.wait_procs([process], timeout=30)
    assert tars.processes() == []
    tars.start()
    third = tars.prompt("and on")
    assert (third.outcome, third.session) == ("ok", first.session)
    assert sums(third) == billed(opencode_api)[-1]
    turns = tars.ledger()
    assert [turn.outcome for turn in turns] == ["ok", *["interrupted", "ok"] * 2]
    # What a killed turn had used by then is told by the protocol, or by opencode's database to
    # the next daemon.
    assert [turn.usage.requests for turn in turns] == [1, 1, 2, 1, 1]
    assert [turn.usage.source for turn in turns[1::2]] == [Source.OFFICIAL, Source.LOG]
    for path in tars.home.root.rglob("*"):
        assert not path.is_file() or password.encode() not in path.read_bytes(), path


def said_before(api: FakeApi) -> int:
    """How many messages the last request brought along."""
    asked = [entry for entry in api.requests() if "nmsgs" in entry]
    count: int = asked[-1]["nmsgs"]
    return count


PAGE = Page((Path(__file__).parents[2] / "docs" / "opencode.md").read_text())


def test_the_page_can_be_typed_from_top_to_bottom(
    opencode_command: Path, opencode_env: dict[str, str]
) -> None:
    """docs/opencode.md is true: every command gives what it shows."""
    with somebody(opencode_command, opencode_env, PAGE.config) as person:
        PAGE.type_out(person)
