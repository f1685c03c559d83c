"""Any ACP agent: launched as it is configured, recognised by its name or its command."""

from pathlib import Path

import pytest

from tars.accounting.meter import Meter
from tars.accounting.rules import UsageRule
from tars.agents.acp.kind import AcpAgent
from tars.agents.acp.presets import PRESETS, dialect_of, preset_of
from tars.agents.kind import Kind, Setup
from tars.conversation.model import Opened
from tars.protocols.acp import Acp
from tars.protocols.codec import Opening
from tests.support.acp_script import HELLO, NEW, Script

KIND: Kind = AcpAgent()


def setup(*command: str, usage: str = "", **env: str) -> Setup:
    here = Path("/nowhere")
    return Setup("a", command, "acp", "", "", here, env, here / "tmp", here / "keep", usage=usage)


def rule_of(name: str, command: tuple[str, ...] = (), usage: str = "") -> UsageRule:
    meter = dialect_of(name, command, usage, mint="m").meter
    assert isinstance(meter, Meter)
    return meter.rule


def test_it_is_launched_as_it_is_configured() -> None:
    """On pipes, with the environment that it was given, for many prompts."""
    launch = KIND.launch(setup("x", "--acp", KEY="k"), None)
    assert (launch.argv, launch.env, launch.cwd) == (
        ("x", "--acp"),
        {"KEY": "k"},
        Path("/nowhere"),
    )
    assert not KIND.one_shot("acp")


def test_a_known_agent_is_spared_what_nobody_asked_for() -> None:
    """Unless the configuration asks for it."""
    name = "CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION"
    command = ("/opt/bin/claude-agent-acp",)
    assert KIND.launch(setup(*command), None).env == {name: "false"}
    assert KIND.launch(setup(*command, **{name: "true"}), None).env == {name: "true"}


@pytest.mark.parametrize(
    ("name", "command", "rule"),
    [
        ("@agentclientprotocol/claude-agent-acp", (), UsageRule.PER_TURN),
        ("@agentclientprotocol/codex-acp", (), UsageRule.PER_TURN),
        ("OpenCode", (), UsageRule.LAST_STEP),
        ("Copilot", (), UsageRule.CUMULATIVE),
        ("qwen-code", (), UsageRule.PER_CALL),
        ("Kimi Code CLI", (), UsageRule.NONE),
        ("", ("npx", "qwen", "--acp"), UsageRule.PER_CALL),
        ("", ("/usr/bin/copilot", "--acp"), UsageRule.CUMULATIVE),
        ("", ("goose", "acp"), UsageRule.DETECT),
        # It says that it is another one.
        ("goose", ("copilot",), UsageRule.DETECT),
    ],
)
def test_an_agent_is_recognised_by_its_name_or_else_by_its_command(
    name: str, command: tuple[str, ...], rule: UsageRule
) -> None:
    """One that nobody measured is read by its figures."""
    assert rule_of(name, command) is rule


def test_the_configuration_has_the_last_word() -> None:
    """For a newer version that counts otherwise."""
    assert rule_of("OpenCode", usage="per_turn") is UsageRule.PER_TURN
    assert rule_of("goose", usage="none") is UsageRule.NONE


def test_presets_are_told_apart() -> None:
    """By both of their marks, and each says on which version it was measured."""
    assert len({p.name for p in PRESETS}) == len({p.program for p in PRESETS}) == len(PRESETS)
    assert all(p.tested and preset_of(p.name, ()) is p for p in PRESETS)


def test_the_page_for_people_says_what_is_known() -> None:
    """Each agent has its line there, with its rule and the version it was measured on."""
    page = (Path(__file__).parents[3] / "docs" / "acp-agents.md").read_text()
    for preset in PRESETS:
        assert f"| `{preset.program}` | {preset.tested} | `{preset.rule}` |" in page


def test_the_codec_asks_who_it_is() -> None:
    """Through a whole handshake; each process has ids of its own."""
    codecs = [KIND.codec(setup("goose")) for _ in range(2)]
    ids = set()
    for codec in codecs:
        assert isinstance(codec, Acp)
        script = Script(codec)
        codec.open(Opening("/nowhere"))
        script.expect("initialize")
        script.answer(HELLO)
        script.expect("session/new")
        assert script.answer(NEW) == [Opened("s1", model="m1", mode="default", agent_version="9")]
        script.begin()
        usage = {"inputTokens": 10, "outputTokens": 1, "totalTokens": 11}
        counted, _ = script.answer({"stopReason": "end_turn", "usage": usage})
        ids.add(getattr(counted, "request").id)  # noqa: B009 - whatever it is, it has one
    assert len(ids) == 2


def test_nothing_is_known_of_its_files_and_its_end() -> None:
    """No log but of one that is known, no traces, no last words."""
    assert KIND.history(setup("x"), "s") is None
    assert KIND.traces({}).logs == ()
    assert KIND.retrying("Attempt 1 failed") is None
    assert KIND.last_words(1, "401") is None
    assert KIND.knowledge("acp").resume
    assert not KIND.trusts_exit_status
