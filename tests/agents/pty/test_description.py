"""Descriptions of screens: those that ship, a person's own, and every fault of one at once."""

from pathlib import Path

import pytest

from tars.agents.kind import Setup
from tars.agents.pty.description import faults_of, rules_of, shipped, understood
from tars.agents.pty.kind import Pty
from tars.errors import ConfigInvalid
from tars.protocols.screen_rules import Covers, Part, Paste, Region, ScreenRules

OWN = r"""
name = "Quiz"
rows = 30
quiet_seconds = 1.5
cancel = ["ctrl-c", "ctrl-c"]
ready = { pattern = '^Q>$', in = "cursor line" }
thinking = [{ pattern = 'busy' }, { pattern = 'wait', in = "bottom 3" }]

[type]
paste = "line"
submit = ["enter"]

[[asking]]
pattern = 'May I\?'
kind = "edit"
allow = ["y", "enter"]
deny = ["n", "enter"]

[answer]
begin = '^Q> '
end = '^---$'

[usage]
pattern = '(?P<input>\d+) in'
covers = "session"
"""


@pytest.mark.parametrize("name", shipped())
def test_those_that_ship_are_whole(name: str) -> None:
    """Each says when its program is ready, what the answer is, and how a prompt is typed."""
    rules = rules_of(name)
    assert faults_of(name) == ()
    assert rules.ready
    assert rules.answer
    assert rules.asking
    assert rules.failed
    assert rules.paste is Paste.BRACKETED


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    """By its path; every key means what the page says."""
    path = tmp_path / "quiz.toml"
    path.write_text(OWN)
    rules = rules_of(str(path))
    assert (rules.name, rules.rows, rules.columns, rules.quiet_seconds) == ("Quiz", 30, 80, 1.5)
    assert rules.ready[0].region == Region(Part.CURSOR)
    assert [s.region for s in rules.thinking] == [Region(), Region(Part.BOTTOM, 3)]
    assert (rules.cancel, rules.submit, rules.paste) == (b"\x03\x03", b"\r", Paste.LINE)
    assert (rules.asking[0].allow, rules.asking[0].tool_kind) == (b"y\r", "edit")
    assert rules.usage is not None
    assert rules.usage.covers is Covers.SESSION


def test_every_fault_is_told_at_once() -> None:
    """One run tells them all, each with its key."""
    bad = """
rows = 3
colums = 80
[ready]
pattern = "("
in = "botom 5"
[usage]
pattern = "(?P<inptu>1)"
[[asking]]
pattern = "a"
allow = ["\\u001b[A"]
[[failed]]
fault = "broken"
[[start]]
[answer]
begin = "x"
[type]
paste = "fast"
unsent = "^> "
"""
    with pytest.raises(ConfigInvalid) as caught:
        understood(bad, "bad.toml")
    told = [fault.removeprefix("bad.toml: ").split(":")[0] for fault in caught.value.faults]
    assert set(told) == {
        "rows",
        "colums",
        "ready.pattern",
        "ready.in",
        "usage.pattern",
        "asking.allow",
        "asking.deny",
        "failed.pattern",
        "failed.fault",
        "failed.message",
        "start.pattern",
        "start.keys",
        "answer.end",
        "type.paste",
        "type.unsent",
    }


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("entr", "enter"),
        ("return", "enter"),
        ("<Esc>", "escape"),
        ("ctrl+C", "ctrl-c"),
        ("^u", "ctrl-u"),
        ("C-d", "ctrl-d"),
        ("page_up", "page-up"),
        ("bakspace", "backspace"),
    ],
)
def test_a_slip_in_the_name_of_a_key_is_a_fault(key: str, meant: str) -> None:
    """It would be typed as text; the fault says what was probably meant."""
    with pytest.raises(ConfigInvalid) as caught:
        understood(f'[type]\nsubmit = ["{key}"]', "x.toml")
    assert caught.value.faults == (
        f'x.toml: type.submit: "{key}" is no key; did you mean "{meant}"?',
    )


def test_text_is_typed_as_it_stands() -> None:
    """What is like no key's name; and a single key needs no brackets."""
    rules = understood('cancel = "ctrl-c"\n[type]\nsubmit = ["yes", "y", "/run", "Enter"]', "x")
    assert (rules.cancel, rules.submit) == (b"\x03", b"yesy/run\r")


def test_a_fault_of_a_description_names_its_page(tmp_path: Path) -> None:
    """`config.example.toml` does not document these keys."""
    path = tmp_path / "quiz.toml"
    path.write_text("rows = 2\ncolums = 3")
    for screen in (str(path), "aidr", "relative/x.toml"):
        assert "docs/screens.md" in faults_of(screen)[-1]
    assert faults_of("aidr") == (
        'tars has no description "aidr", only aider, gemini; did you mean "aider"? A file of '
        "your own is given by its absolute path (docs/screens.md)",
    )


@pytest.mark.parametrize(
    ("screen", "part"),
    [
        ("gemni", 'did you mean "gemini"?'),
        ("relative/quiz.toml", "absolute path"),
        ("/nowhere/quiz.toml", "cannot be read"),
        ("quiz.toml", "absolute path"),
    ],
)
def test_a_name_or_a_path_that_is_none(screen: str, part: str) -> None:
    """The fault says what was probably meant."""
    assert part in " ".join(faults_of(screen))


def test_no_description_means_the_plain_rules() -> None:
    """Any program will do: silence says that it is ready, and that it has answered."""
    assert rules_of("") == ScreenRules()


def test_a_program_is_known_by_its_name(tmp_path: Path) -> None:
    """One that has a description needs to name none; its terminal is as large as that says."""
    for command, columns in (("/usr/bin/aider", rules_of("aider").columns), ("/bin/cat", 80)):
        setup = Setup("x", (command,), "pty", "", "", tmp_path, {}, tmp_path, tmp_path)
        launch = Pty().launch(setup, None)
        assert launch.terminal is not None
        assert launch.terminal.columns == columns


def test_a_description_that_went_bad_keeps_the_program_from_starting(tmp_path: Path) -> None:
    """As an OSError, which the driver tells as a fault."""
    path = tmp_path / "quiz.toml"
    path.write_text("rows = 0")
    setup = Setup(
        name="quiz",
        command=("cat",),
        protocol="pty",
        model="",
        mode="",
        cwd=tmp_path,
        env={},
        tmp=tmp_path,
        keep=tmp_path,
        screen=str(path),
    )
    assert Pty().launch(setup, None).terminal is not None
    with pytest.raises(OSError, match="faults"):
        Pty().codec(setup)
