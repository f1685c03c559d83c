"""config.toml is read whole, judged whole, and written so that it reads the same."""

import dataclasses
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars import config, config_writing
from tars.accounting.runaway import RunawayConfig
from tars.agents.registry import KINDS as REGISTRY
from tars.config import Config, SessionsConfig, StoreConfig
from tars.config_agents import AgentConfig
from tars.config_costs import CostsConfig, HistoryConfig, PricesConfig
from tars.config_web import WebConfig
from tars.conversation.model import TOOL_KINDS
from tars.core.permission import PermissionPolicy, Rule
from tars.core.restart import When
from tars.errors import ConfigInvalid
from tars.home import Home


@dataclass(frozen=True)
class Facts:
    protocols: tuple[str, ...]


KINDS = {"gemini": Facts(("acp", "stream-json")), "echo": Facts(("acp",))}
#: The kind that needs a command.
ANY = {"acp": Facts(("acp",))}
#: The tables that are no agents'.
KEPT: dict[str, type] = {
    "store": StoreConfig,
    "sessions": SessionsConfig,
    "runaway": RunawayConfig,
    "history": HistoryConfig,
    "prices": PricesConfig,
    "costs": CostsConfig,
    "web": WebConfig,
}
EXAMPLE = Path(__file__).parent.parent / "config.example.toml"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    home = Home(tmp_path / ".tars")
    home.prepare()
    return home


def nothing_installed(command: str) -> str | None:
    return None


def gemini_installed(command: str) -> str | None:
    return "/usr/bin/gemini" if command == "gemini" else None


def read(home: Home, text: str | bytes, mode: int = 0o600) -> Config:
    home.config.write_bytes(text.encode() if isinstance(text, str) else text)
    home.config.chmod(mode)
    return config.read(home.config, home, {**KINDS, **ANY}, nothing_installed)


def faults(home: Home, text: str | bytes) -> list[str]:
    """Every fault of a file, without the file's name, which each must begin with."""
    with pytest.raises(ConfigInvalid) as caught:
        read(home, text)
    start = f"{home.config}: "
    assert all(fault.startswith(start) for fault in caught.value.faults)
    return [fault.removeprefix(start) for fault in caught.value.faults]


def agent_fault(home: Home, line: str) -> str:
    """The one fault of a gemini agent with this line in its table."""
    (fault,) = faults(home, f"[agents.gemini]\n{line}\n")
    return fault


def secret_file(home: Home, text: str, mode: int = 0o600) -> Path:
    path = home.root / "secrets.env"
    path.write_text(text)
    path.chmod(mode)
    return path


# What the agents say of each other


def test_relations_are_read(home: Home) -> None:
    """`after`, `group` and `fallback` are lists of names; one name needs no brackets."""
    found = read(
        home,
        '[agents.echo]\nafter = "b"\ngroup = ["web", "all", "web"]\nfallback = ["b"]\n'
        '[agents.b]\nkind = "echo"\nfallback = ["echo"]\nafter = []\n',
    ).agents
    assert found["echo"].after == found["echo"].fallback == ("b",)
    assert found["echo"].group == ("web", "all")
    assert (found["b"].after, found["b"].fallback) == ((), ("echo",))
    assert read(home, config_writing.dump(Config(default_agent="b", agents=found))).agents == found


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ('after = ["twoo"]', 'after: there is no [agents.twoo]; did you mean "two"?'),
        ('fallback = ["x"]', "fallback: there is no [agents.x]"),
        ('fallback = "echo"', "fallback: names the agent itself"),
        ('after = ["echo"]', "after: names the agent itself"),
        ('after = ["two"]', "after: would wait for itself: echo → two → echo"),
        ("after = 1", 'after: must be a name, or a list of names such as ["web"], not an integer'),
        ("group = [1]", 'group: must be a list of names such as ["web"]'),
        ('group = "two"', "group: two is the name of an agent"),
        ('group = "A b"', "group: not a name for a group: up to 32 lower-case letters, digits, "
         "- and _, beginning with a letter or a digit"),
    ],
)  # fmt: skip
def test_relations_that_cannot_be_are_faults(home: Home, keys: str, fault: str) -> None:
    """A name that nobody has, an agent that waits for itself, a group that would be an agent."""
    text = f'[agents.echo]\n{keys}\n[agents.two]\nkind = "echo"\nafter = ["echo"]'
    assert faults(home, text) == [f"agents.echo.{fault}"]


# What is read


def test_a_full_agent_is_read(home: Home) -> None:
    """Every key of an agent reaches its field, with units and paths resolved."""
    secrets = secret_file(home, "A=1")
    agent = read(
        home,
        f"""
        [agents.work]
        kind = "gemini"
        command = ["node", "gemini.js"]
        protocol = "stream-json"
        model = "gemini-2.5-flash"
        mode = "yolo"
        cwd = "~/.tars"
        permissions = {{ default = "deny", read = "allow", edit = "ask" }}
        restart = "always"
        env_file = "{secrets}"
        autostart = false
        handshake_seconds = 1
        turn_seconds = 2.5
        silence_seconds = 3
        limit_wait_seconds = 0
        cancel_seconds = 0
        grace_seconds = 5
        permission_seconds = 6
        max_rss = "1.5 GiB"
        max_restarts = 0
        window_seconds = 7
        queue_limit = 8
        [agents.work.env]
        KEY = "value"
        """,
    ).agents["work"]
    assert agent == AgentConfig(
        name="work",
        kind="gemini",
        command=("node", "gemini.js"),
        protocol="stream-json",
        model="gemini-2.5-flash",
        mode="yolo",
        cwd=home.root,
        permissions=PermissionPolicy(Rule.DENY, {"read": Rule.ALLOW, "edit": Rule.ASK}),
        restart=When.ALWAYS,
        env={"KEY": "value"},
        env_file=secrets,
        autostart=False,
        handshake_seconds=1.0,
        turn_seconds=2.5,
        silence_seconds=3.0,
        limit_wait_seconds=0.0,
        cancel_seconds=0.0,
        grace_seconds=5.0,
        permission_seconds=6.0,
        max_rss=1536 * 2**20,
        max_restarts=0,
        window_seconds=7.0,
        queue_limit=8,
    )


def test_an_empty_table_is_an_agent_with_defaults(home: Home) -> None:
    """A table named after a kind needs no key at all."""
    read_config = read(home, "[agents.echo]")
    assert read_config.agents == {"echo": AgentConfig(name="echo", kind="echo", cwd=home.workspace)}
    assert read_config.default_agent == "echo"
    assert read_config.warnings == ()


def test_agents_keep_the_order_of_the_file_and_the_first_is_the_default(home: Home) -> None:
    """Without default_agent the first table gets the prompts."""
    read_config = read(home, '[agents.zoe]\nkind = "echo"\n[agents.adam]\nkind = "echo"')
    assert list(read_config.agents) == ["zoe", "adam"]
    assert read_config.default_agent == "zoe"


def test_top_level_keys_are_read(home: Home) -> None:
    """Log settings and the common env file stand at the top."""
    secrets = secret_file(home, "A=1")
    read_config = read(
        home,
        f'log_level = "debug"\nlog_max_bytes = "2 MB"\nlog_backups = 0\nenv_file = "{secrets}"',
    )
    assert read_config.log_level == "debug"
    assert read_config.log_max_bytes == 2_000_000
    assert read_config.log_backups == 0
    assert read_config.env_file == secrets
    assert read_config.source == home.config


def test_a_file_without_agents_has_the_embedded_ones(home: Home) -> None:
    """A person who only wants another log level gets the agent that is installed."""
    assert list(read(home, 'log_level = "debug"').agents) == ["echo"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("800", 800),
        ('"800 B"', 800),
        ('"800 MiB"', 800 * 2**20),
        ('"1.5 GiB"', 3 * 2**29),
        ('"1GB"', 10**9),
        ('"1 TiB"', 2**40),
    ],
)
def test_sizes_are_bytes_or_text_with_a_unit(home: Home, size: str, expected: int) -> None:
    """Units are those of IEC and SI."""
    assert read(home, f"[agents.echo]\nmax_rss = {size}").agents["echo"].max_rss == expected


def test_a_byte_order_mark_and_crlf_do_no_harm(home: Home) -> None:
    """A file from another system's editor is read."""
    assert list(read(home, b"\xef\xbb\xbf[agents.echo]\r\nautostart = true\r\n").agents) == ["echo"]


def test_one_word_of_permission_is_for_all_tools(home: Home) -> None:
    """`permissions = "deny"` denies every kind of tool."""
    policy = read(home, '[agents.echo]\npermissions = "deny"').agents["echo"].permissions
    assert {policy.configured(kind) for kind in TOOL_KINDS} == {Rule.DENY}


def test_a_spec_carries_the_policy_to_the_core() -> None:
    """Each number of the configuration lands in the field of the same meaning."""
    agent = AgentConfig(
        name="a",
        kind="echo",
        cwd=Path("/"),
        restart=When.NEVER,
        handshake_seconds=1,
        turn_seconds=2,
        silence_seconds=3,
        cancel_seconds=4,
        grace_seconds=5,
        permission_seconds=6,
        limit_wait_seconds=12,
        max_rss=7,
        max_restarts=8,
        window_seconds=9,
        queue_limit=10,
    )
    spec = agent.spec(one_shot=True, trusts_exit_status=True, seed=11)
    assert (spec.handshake_seconds, spec.turn_seconds, spec.silence_seconds) == (1, 2, 3)
    assert (spec.cancel_seconds, spec.grace_seconds, spec.permission_seconds) == (4, 5, 6)
    assert (spec.max_rss_bytes, spec.queue_limit) == (7, 10)
    assert (spec.restart.when, spec.restart.max_restarts) == (When.NEVER, 8)
    assert (spec.restart.window_seconds, spec.restart.seed) == (9, 11)
    assert (spec.name, spec.one_shot, spec.trusts_exit_status) == ("a", True, True)
    assert (spec.waits_for_limits, spec.limit_wait_seconds) == (True, 12)
    stood_in_for = dataclasses.replace(agent, fallback=("b",))
    assert not stood_in_for.spec(one_shot=True, trusts_exit_status=True, seed=11).waits_for_limits


# What is refused


def test_one_run_reports_every_fault(home: Home) -> None:
    """Nothing hides behind the first fault, in whichever table it stands."""
    found = faults(
        home,
        """
        default_agent = "gemni"
        log_levle = "debug"
        log_level = "loud"
        [agents.gemini]
        modle = "gemini-2.5-flash"
        queue_limit = 0
        restart = 3
        [agents.gemini.env]
        KEY = 1
        [agents.other]
        kind = "gemnii"
        """,
    )
    assert sorted(found) == [
        "agents.gemini.env.KEY: must be a string, not an integer",
        'agents.gemini.modle: unknown key; did you mean "model"?',
        "agents.gemini.queue_limit: must be 1 or more",
        "agents.gemini.restart: must be a string, not an integer",
        'agents.other.kind: "gemnii" is not one of gemini, echo, acp; did you mean "gemini"?',
        'default_agent: there is no [agents.gemni]; did you mean "gemini"?',
        'log_level: "loud" is not one of debug, info, warning, error',
        'log_levle: unknown key; did you mean "log_level"?',
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('protocol = "stream"', 'is not one of acp, stream-json; did you mean "stream-json"?'),
        ('restart = "on_failure"', 'never; did you mean "on-failure"?'),
        ('permissions = "yes"', '"yes" is not one of ask, allow, deny'),
        ('permissions = { exectue = "ask" }', 'did you mean "execute"?'),
        ('permissions = { read = "alow" }', 'did you mean "allow"?'),
        ("permissions = 1", "must be a string, not an integer"),
        ("command = []", "must name a program"),
        ('command = [""]', "must name a program"),
        ('command = "gemini"', 'must be a list of strings such as ["gemini"], not a string'),
        ('command = ["gemini", 1]', "must be a list of strings"),
        ('command = ["a\\u0000b"]', "must not hold a NUL character"),
        ('model = "a\\u0000b"', "must not hold a NUL character"),
        ('cwd = "here"', "must be an absolute path, or begin with ~/"),
        ('cwd = "~nobody-of-this-name/x"', "the home folder of a user who is not known"),
        ("turn_seconds = true", "must be a number of seconds, not a boolean"),
        ('turn_seconds = "1h"', "must be a number of seconds, not a string"),
        ("turn_seconds = -1", "must be more than 0 seconds"),
        ("turn_seconds = 0", "must be more than 0 seconds"),
        ("turn_seconds = inf", "must be more than 0 seconds"),
        ("turn_seconds = nan", "must be more than 0 seconds"),
        (f"turn_seconds = 1{'0' * 400}", "must be more than 0 seconds"),
        ("grace_seconds = -0.1", "must be 0 or more seconds"),
        ("max_restarts = -1", "must be 0 or more"),
        ("max_restarts = 1.5", "must be a whole number, not a float"),
        ("queue_limit = true", "must be a whole number, not a boolean"),
        ("autostart = 1", "must be true or false, not an integer"),
        ("max_rss = 0", "must be a number of bytes above 0"),
        ('max_rss = "much"', "must be a number of bytes above 0"),
        ("max_rss = true", "must be a number of bytes or a size"),
        ("model = 2026-01-01", "must be a string, not a date or time"),
        ("env = 3", "must be a table, not an integer"),
        ('env = { "A=B" = "c" }', "not a name for an environment variable"),
        ('env = { A = "b\\u0000" }', "must not hold a NUL character"),
        ('env_file = "/nowhere/x.env"', "cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_value_is_one_fault_that_names_its_key(home: Home, line: str, fault: str) -> None:
    """The fault begins with the key path and says what is allowed."""
    found = agent_fault(home, line)
    assert found.startswith(f"agents.gemini.{line.split()[0]}")
    assert fault in found


def test_an_acp_agent_needs_a_command(home: Home) -> None:
    """The fault says what to write, and once; with a command there is none."""
    (fault,) = faults(home, '[agents.mine]\nkind = "acp"\n')
    assert fault.startswith("agents.mine.command: missing")
    assert 'command = ["opencode", "acp"]' in fault
    read_config = read(home, '[agents.mine]\nkind = "acp"\ncommand = ["x"]\nusage = "none"\n')
    mine = read_config.agents["mine"]
    assert (mine.command, mine.usage) == (("x",), "none")


@pytest.mark.parametrize("name", ["Gemini", "-x", "a" * 33, '"a b"', '""', '"../x"'])
def test_a_bad_name_for_an_agent_is_a_fault(home: Home, name: str) -> None:
    """Names become file names: only plain ones are taken."""
    (fault,) = faults(home, f'[agents.{name}]\nkind = "echo"\n[agents.echo]\n')
    assert fault.startswith(f"agents.{name}: not a name for an agent")


def test_an_agent_without_a_kind_has_to_be_named_after_one(home: Home) -> None:
    """The fault lists the kinds."""
    assert faults(home, "[agents.work]") == ["agents.work.kind: missing; one of gemini, echo, acp"]


def test_agents_that_are_no_tables_are_faults(home: Home) -> None:
    """`agents = 1` and `agents.x = 1` are answered, not raised."""
    assert faults(home, "agents = 1") == ["agents: must be a table, not an integer"]
    assert faults(home, "agents.echo = 1") == ["agents.echo: must be a table, not an integer"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[agents.gemini]\nmodel 'x'", "at line 2, column 7"),
        ('[agents.gemini]\nmodel = "', "at line 2"),
        ("[agents.gemini]\nmodel = ", "at line 2"),
        ("a = 1\na = 2\nb = 3", "at line 2, column 6"),
        (f"a = {'[' * 5000}", "not valid TOML"),
        (f"a = 1{'0' * 5000}", "not valid TOML"),
    ],
)
def test_what_is_not_toml_is_a_fault_with_its_place(home: Home, text: str, where: str) -> None:
    """Syntax errors name line and column, and Python's own limits do not escape."""
    (fault,) = faults(home, text)
    assert fault.startswith("not valid TOML: ")
    assert where in fault


def test_what_is_not_utf8_is_a_fault_with_its_line(home: Home) -> None:
    """Half a character is found on its line."""
    assert faults(home, b"a = 1\nb = '\xc3'\n") == ["line 2: not UTF-8"]


def test_a_file_that_cannot_be_read_is_a_fault(home: Home) -> None:
    """An absent file and a folder are faults of the configuration."""
    for path, why in (
        (home.root / "none.toml", "cannot be read: No such file or directory"),
        (home.root, "not a regular file"),
    ):
        with pytest.raises(ConfigInvalid) as caught:
            config.read(path, home, KINDS)
        assert caught.value.faults == (f"{path}: {why}",)


@given(text=st.text(max_size=200) | st.binary(max_size=200))
def test_no_text_at_all_raises_anything_else(
    text: str | bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever stands in the file, the answer is a configuration or ConfigInvalid."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.config.write_bytes(text.encode() if isinstance(text, str) else text)
    with suppress(ConfigInvalid):
        config.read(home.config, home, KINDS)


# Warnings


def test_secrets_in_a_readable_file_are_a_warning(home: Home) -> None:
    """A key in a file that others can read is reported, and the file still counts."""
    text = '[agents.echo.env]\nKEY = "hunter2"'
    read_config = read(home, text, mode=0o644)
    (warning,) = read_config.warnings
    assert f"chmod 600 {home.config}" in warning
    assert "hunter2" not in warning
    assert read(home, text, mode=0o600).warnings == ()
    assert read(home, "[agents.echo]", mode=0o644).warnings == ()


def test_a_folder_that_is_not_there_is_a_warning(home: Home) -> None:
    """It may be mounted later."""
    (warning,) = read(home, '[agents.echo]\ncwd = "/nowhere"').warnings
    assert "agents.echo.cwd: /nowhere is not a folder" in warning


def test_no_value_of_a_variable_is_ever_shown(home: Home) -> None:
    """Neither a repr nor the redacted dump shows a secret."""
    read_config = read(home, '[agents.echo.env]\nKEY = "hunter2"')
    assert "hunter2" not in repr(read_config)
    assert "hunter2" not in config_writing.dump(read_config, redact=True)
    assert 'KEY = "***"' in config_writing.dump(read_config, redact=True)


# Without a file, and writing one


def test_the_embedded_agent_is_gemini_where_it_is_installed(home: Home) -> None:
    """A person with Gemini CLI needs no configuration."""
    embedded = config.embedded(home, gemini_installed)
    assert embedded.default_agent == "gemini"
    assert embedded.agents["gemini"].kind == "gemini"
    assert embedded.warnings == ()
    assert embedded.source is None


@pytest.mark.parametrize(
    ("installed", "agent", "others"),
    [
        ("claude", "claude", ""),
        ("opencode", "opencode", ""),
        ("codex opencode claude", "claude", "codex, opencode"),
        ("codex gemini", "gemini", "codex"),
    ],
)
def test_the_embedded_agent_is_what_is_installed(
    home: Home, installed: str, agent: str, others: str
) -> None:
    """Gemini CLI before all others; the next one says which others there are."""
    names = installed.split()
    embedded = config.embedded(home, lambda command: command if command in names else None)
    assert embedded.default_agent == agent
    assert list(embedded.agents) == [agent]
    assert bool(embedded.warnings) == bool(others)
    for warning in embedded.warnings:
        assert others in warning
        assert "tars agents detect --write" in warning


def test_every_cli_of_its_own_may_be_embedded(home: Home) -> None:
    """In the registry's order."""
    asked: list[str] = []
    config.embedded(home, asked.append)
    assert asked == [n for n, k in REGISTRY.items() if k.command[:1] == (n,)]


def test_the_embedded_agent_is_echo_elsewhere_and_says_so(home: Home) -> None:
    """Answers without a model must not pass for a model's."""
    embedded = config.embedded(home, nothing_installed)
    assert embedded.default_agent == "echo"
    assert "npm install" in embedded.warnings[0]


def test_load_takes_the_file_where_there_is_one(home: Home) -> None:
    """Without a file the embedded configuration counts; a dangling link is no absent file."""
    assert config.load(home, KINDS, gemini_installed).default_agent == "gemini"
    home.config.symlink_to(home.root / "gone.toml")
    with pytest.raises(ConfigInvalid):
        config.load(home, KINDS, gemini_installed)
    home.config.unlink()
    home.config.write_text("[agents.echo]")
    assert config.load(home, KINDS, gemini_installed).default_agent == "echo"


NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
SECONDS = st.floats(min_value=0.001, max_value=1e9)
RULES = st.sampled_from(Rule)


@st.composite
def agents(draw: st.DrawFn) -> AgentConfig:
    return AgentConfig(
        name=draw(NAMES),
        kind=draw(st.sampled_from(sorted(KINDS))),
        command=draw(st.none() | st.lists(TEXTS.filter(str.strip), min_size=1).map(tuple)),
        protocol=draw(st.none() | st.just("acp")),
        model=draw(TEXTS),
        mode=draw(TEXTS),
        cwd=Path("/"),
        permissions=PermissionPolicy(
            draw(RULES), draw(st.dictionaries(st.sampled_from(TOOL_KINDS), RULES))
        ),
        restart=draw(st.sampled_from(When)),
        env=draw(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]*", fullmatch=True), TEXTS)),
        autostart=draw(st.booleans()),
        turn_seconds=draw(SECONDS),
        grace_seconds=draw(st.just(0.0) | SECONDS),
        max_rss=draw(st.none() | st.integers(1, 2**62)),
        max_restarts=draw(st.integers(0, 1000)),
        queue_limit=draw(st.integers(1, 1000)),
    )


@given(chosen=st.lists(agents(), min_size=1, max_size=3, unique_by=lambda agent: agent.name))
def test_a_dump_reads_as_the_same_configuration(
    chosen: list[AgentConfig], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What tars writes, tars reads: no value is lost or changed on the way."""
    home = Home(tmp_path_factory.mktemp("home"))
    kept = SessionsConfig(
        enabled=False,
        retention_days=30,
        max_sessions=5,
        auto_archive=True,
        archive_directory=home.root,
    )
    agents = {a.name: a for a in chosen}
    written = Config(default_agent=chosen[-1].name, agents=agents, sessions=kept)
    home.config.write_text(config_writing.dump(written), encoding="utf-8")
    home.config.chmod(0o600)
    again = config.read(home.config, home, KINDS)
    assert dataclasses.replace(again, source=None) == written
    assert list(again.agents) == [a.name for a in chosen]


def test_the_password_of_a_database_is_not_shown() -> None:
    """It is written, but not for eyes."""
    store = StoreConfig(url="postgresql://me:secret@here/tars")
    shown = Config(default_agent="echo", agents={}, store=store)
    assert "secret" in config_writing.dump(shown)
    assert "secret" not in config_writing.dump(shown, redact=True)


# The example


def uncommented(text: str) -> str:
    """The example with every commented-out key in force."""
    return re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)


def test_the_template_is_the_example_of_the_repository() -> None:
    """There is one example; an installed tars has it too."""
    assert config_writing.template() == EXAMPLE.read_text(encoding="utf-8")


def test_the_example_reads_without_a_fault(home: Home) -> None:
    """It can be used as it stands."""
    read_config = read(home, config_writing.template())
    assert read_config.default_agent == "gemini"
    assert read_config.agents["gemini"] == AgentConfig(
        name="gemini", kind="gemini", cwd=home.workspace
    )
    assert read_config.warnings == ()


def test_the_example_reads_with_every_key_in_force(home: Home) -> None:
    """What it shows behind a # can be taken as it stands."""
    for name in ("agents.env", "gemini.env"):
        (home.root / name).touch(mode=0o600)
    read_config = read(home, uncommented(config_writing.template()))
    assert read_config.warnings == ()
    assert list(read_config.agents) == ["gemini", "qwen", "echo"]


def test_the_example_documents_every_key() -> None:
    """Each field of the configuration has its line, under a comment."""
    lines = uncommented(config_writing.template()).split("\n")
    head, *tables = re.split(r"^\[([a-z.]+)\]\n", "\n".join(lines), flags=re.MULTILINE)
    by_name = {"": head, **dict(zip(tables[::2], tables[1::2], strict=True))}
    left_out = {
        "": ("agents", "source", "warnings", "budgets", *KEPT),
        "agents.gemini": ("name", "env"),
        "history": ("titles",),  # that is `messages` of [store]
    }
    kinds = {"": Config, "agents.gemini": AgentConfig, **KEPT}
    del kinds["prices"]  # tables by names that are a person's own
    for table, kind in kinds.items():
        for field in kind.__annotations__:
            if field not in left_out.get(table, ()):
                assert re.search(rf"^{field} = ", by_name[table], re.MULTILINE), field
    assert "[agents.gemini.env]" in lines
    assert "[prices.aliases]" in lines
    assert '[prices.models."my-model"]' in lines


def test_the_example_shows_the_real_defaults(home: Home) -> None:
    """A key behind a # shows its default, but for those whose comment says otherwise."""
    for name in ("agents.env", "gemini.env"):
        (home.root / name).touch(mode=0o600)
    shown = read(home, uncommented(config_writing.template()))
    usual = AgentConfig(name="gemini", kind="gemini", cwd=home.workspace)
    examples: dict[str, Any] = {
        "command": ("gemini",),
        "protocol": "acp",
        "model": "gemini-2.5-flash",
        "mode": "default",
        "permissions": shown.agents["gemini"].permissions,
        "env": {"GEMINI_API_KEY": "…"},
        "env_file": home.root / "gemini.env",
        "max_rss": 3 * 2**29,
        "after": ("echo",),
        "group": ("web",),
        "fallback": ("echo",),
    }
    assert shown.agents["gemini"] == dataclasses.replace(usual, **examples)
    defaults = Config(default_agent="gemini", agents=shown.agents)
    others = ("sessions", "store", "budgets", "history", "prices")
    top = dataclasses.replace(
        defaults,
        costs=CostsConfig(timezone="Europe/Berlin"),
        **{name: getattr(shown, name) for name in others},
    )
    assert dataclasses.replace(shown, source=None, env_file=None) == top
    assert shown.store == StoreConfig(url="postgresql://tars@db.example.org/tars")
    assert shown.sessions == SessionsConfig(
        retention_days=365,
        max_sessions=1000,
        archive_directory=home.root.parent / "session-archive",
    )


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ('usage = "per_turn"', 'agents.gemini.usage: is for kind = "acp" alone'),
        ('screen = "aider"', "agents.gemini.screen: is for agents with a screen alone"),
    ],
)
def test_what_a_kind_does_not_use_is_told(home: Home, line: str, warning: str) -> None:
    """It would be without effect."""
    [told] = read(home, f"[agents.gemini]\n{line}").warnings
    assert warning in told


def test_the_own_variable_is_not_set_by_hand(home: Home) -> None:
    """Processes are found by it."""
    [fault] = faults(home, '[agents.gemini.env]\nTARS_AGENT_MARK = "x"')
    assert fault.startswith("agents.gemini.env.TARS_AGENT_MARK: is tars' own")


def test_a_mode_that_codex_does_not_have_is_a_fault(home: Home) -> None:
    """It is told before the agent is started."""
    home.config.write_text('[agents.codex]\nmode = "bogus/xx"')
    with pytest.raises(ConfigInvalid, match=r"agents\.codex\.mode: 'bogus/xx' is none of Codex's"):
        config.read(home.config, home, REGISTRY, nothing_installed)
    home.config.write_text('[agents.codex]\nmode = "never/read-only"')
    config.read(home.config, home, REGISTRY, nothing_installed)


def test_an_empty_choice_is_not_offered(home: Home) -> None:
    [fault] = faults(home, '[agents.acp]\ncommand = ["x"]\nusage = "bogus"')
    assert "is not one of per_turn, " in fault


def test_an_at_sign_in_the_password_of_a_database_is_a_fault(home: Home) -> None:
    """It is told before anything is tried, and how to write it; the password is not."""
    (fault,) = faults(home, '[store]\nurl = "postgresql://tars:se@cret@db.example.org/tars"')
    assert fault.startswith("store.url: has more than one @: in a password it is written %40")
    assert "cret" not in fault
    read(home, '[store]\nurl = "postgresql://tars:se%40cret@/tars?host=/run/a@b"')
