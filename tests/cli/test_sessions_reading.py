"""`tars sessions`: what is remembered, as tables, as JSON by a contract, and as CSV."""

import csv
import io
import re
from pathlib import Path

import pytest
from wcwidth import wcswidth

from tars.cli.app import run
from tars.cli.sessions_view import UNKNOWN, duration, money, short_count
from tars.cli.tables import Column, cut, table
from tars.home import Home
from tars.sessions.library import Library
from tars.store.rows import Role
from tests.support.command_line import OnTerminal
from tests.support.remembered import MINUTE, NOON, call, change, message, remember, usage

GOLDEN = Path(__file__).parents[1] / "golden" / "sessions"

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two sessions, of which one has all that a session can have."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.delenv("COLUMNS", raising=False)
    with Library.open(Home(home)) as library:
        remember(
            library,
            "t1",
            session="3f2a9c01-one",
            used=usage(
                ("flash", 120_000, 300, 20), ("pro", 5000, 70, 0), cached=90_000, cost=1_234_567
            ),
            said=(
                message(0, Role.USER, "Why does the login fail?"),
                call(1, "read", "Read login.py", "/w/login.py"),
                call(2, "edit", "Edit login.py", "/w/login.py"),
                message(3, Role.ASSISTANT, "A \x1b[31mtimeout\x1b[0m: 時間切れ."),
            ),
        )
        remember(
            library,
            "t2",
            session="b7d01e55-two",
            agent="claude",
            ended=NOON + 90 * MINUTE,
            used=usage(("opus", 900, 8, 0)),
            said=(message(0, Role.USER, "ログインの文書を書いてください", NOON),),
        )
        change(
            library,
            "3f2a9c01-one",
            name="fix-login",
            project="/w",
            branch="main",
            status="completed",
            metadata='{"ticket": "T-1"}',
        )
        change(library, "b7d01e55-two", title="ログインの文書を書いてください \x1b[31m" * 4)
    return home


@pytest.mark.parametrize("words", [[], ["history"], ["stats"], ["search", "x"]], ids=" ".join)
def test_a_home_without_a_store_stays_without(
    home: Path, capsys: Printed, words: list[str]
) -> None:
    """It is said that there are no sessions, JSON is whole all the same, and nothing is made."""
    before = sorted(home.iterdir())
    assert run(["sessions", *words]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "No sessions yet.\n")
    assert run(["sessions", *words, "--format", "json"]) == 0
    assert capsys.readouterr().out.startswith("{")
    assert run(["sessions", "show", "last"]) == 1
    assert "No sessions yet" in capsys.readouterr().err
    assert sorted(home.iterdir()) == before


def test_a_bad_configuration_is_said(home: Path, capsys: Printed) -> None:
    """With the fault of its table; another table's faults are not this command's."""
    (home / "config.toml").write_text('[store]\nurl = "mysql://x"\nmesages = "full"\n')
    assert run(["sessions"]) == 1
    shown = capsys.readouterr().err
    assert "store.url" in shown
    assert "store.mesages" in shown


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_fits_its_terminal(
    kept: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Wide signs take two columns, what would command a terminal is gone, no line is too long."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(["sessions"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(wcswidth, lines)) <= width
    assert min(map(wcswidth, lines)) > 0
    assert ("DURATION" in lines[0]) == (width == 120)
    assert lines[1].startswith("b7d01e55  ログイン"[: width // 5])
    assert wcswidth(lines[1]) == wcswidth(lines[2]) == wcswidth(lines[0])
    assert lines[1].endswith(UNKNOWN)
    assert lines[2].endswith("125k  $1.23")


def test_the_list_says_how_many_there_are_beside_itself(kept: Path, capsys: Printed) -> None:
    """On stderr: stdout is data."""
    assert run(["sessions", "--limit", "1"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert shown.err.startswith("1 of 2 sessions; `--limit 2` shows all")
    assert run(["sessions", "--agent", "nobody"]) == 0
    assert capsys.readouterr().err == "No session is like that.\n"


COMMANDS = {
    "list": ["--sort", "name"],
    "history": ["history", "--range", "all"],
    "stats": ["stats", "--range", "all"],
    "show": ["show", "fix-login", "--messages"],
    "search": ["search", "login"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_json_is_a_contract(kept: Path, capsys: Printed, name: str) -> None:
    """The names and values are those of the golden file; only the machine's name is its own."""
    assert run(["sessions", *COMMANDS[name], "--format", "json"]) == 0
    shown = re.sub(r'"machine": "[^"]*"', '"machine": "here"', capsys.readouterr().out)
    path = GOLDEN / f"{name}.json"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown)
        pytest.fail(f"{path} was written: look at it, and run again")
    assert shown == path.read_text()
    assert "\x1b" not in shown


def test_the_history_as_csv_says_which_session_each_row_is(kept: Path, capsys: Printed) -> None:
    """With the session's own words beside what it used in the span."""
    assert run(["sessions", "history", "--range", "all", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["id"], row["agent"], row["project"]) for row in rows] == [
        ("b7d01e55-two", "claude", ""),
        ("3f2a9c01-one", "gemini", "/w"),
    ]
    assert [row["totalTokens"] for row in rows] == ["908", "125390"]


@pytest.mark.parametrize("name", COMMANDS)
def test_csv_has_a_name_for_every_column(kept: Path, capsys: Printed, name: str) -> None:
    """One head, and rows as wide as it; quoted where it has to be."""
    assert run(["sessions", *COMMANDS[name], "--format", "csv"]) == 0
    head, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert rows
    assert {len(row) for row in rows} == {len(head)}
    # No column is there for nothing: a name that the wire does not have would stay empty.
    filled = {name for row in rows for name, value in zip(head, row, strict=True) if value}
    assert len(filled) > len(head) // 2


def test_a_session_is_shown_with_its_cost_split(kept: Path, capsys: Printed) -> None:
    """By model and by kind of token, the last exchange, and nothing that commands a terminal."""
    assert run(["sessions", "show", "3f2a", "--tz", "UTC"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "125,390" in shown
    assert re.search(r"^flash +30,000 +90,000 +0 +320 +120,320 +\$1.234567$", shown, re.M)
    assert re.search(r"^pro +5,000 +0 +0 +70 +5,070 +", shown, re.M)
    assert re.search(r"^cost +\$1.234567 \(told of 1 of 1 turn\)$", shown, re.M)
    assert re.search(r"^ +ticket +T-1$", shown, re.M)
    assert "── assistant, 2026-03-01 12:00:00\nA timeout: 時間切れ." in shown
    assert run(["sessions", "show", "fix-login", "--messages"]) == 0
    shown = capsys.readouterr().out
    assert "── edit: Edit login.py, completed (/w/login.py)" in shown
    assert shown.index("Why does") < shown.index("── edit") < shown.index("A timeout")


def test_a_session_without_turns_cost_nothing(home: Path, tmp_path: Path, capsys: Printed) -> None:
    """Nobody had to tell that."""
    (tmp_path / "talk.json").write_text('[{"role": "user", "content": "Hello"}]')
    assert run(["sessions", "import", str(tmp_path / "talk.json"), "--as", "talk"]) == 0
    assert run(["sessions", "show", "talk"]) == 0
    assert re.search(r"^cost +\$0.00$", capsys.readouterr().out, re.M)


def test_a_range_is_told_with_its_zone(kept: Path, capsys: Printed) -> None:
    """What is shown says of which time and of whose clocks it is."""
    assert run(["sessions", "history", "--range", "all", "--tz", "Asia/Kolkata"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ("all time (Asia/Kolkata): 2 sessions, 2 turns, 126,298 tokens, ≥$1.23.\n")
    assert "03-01" in shown.out
    assert run(["sessions", "stats", "--since", "2026-03-01", "--until", "2026-03-02"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2026-03-01 00:00 to 2026-03-02 00:00 (Europe/Berlin)"
    assert "told of 1 of 2 turns, in 1 session" in "\n".join(lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["history", "--range", "fortnight"], "no range 'fortnight'"),
        (["history", "--tz", "Mars/Phobos"], "no time zone 'Mars/Phobos'"),
        (["--since", "soon"], "'soon' is no time"),
        (["--status", "lost"], "'lost' is none of active"),
        (["search"], "no word to look for"),
        (["search", "x", "--role", "judge"], "'judge' is none of user"),
        (["--sort", "size"], "'size' is not one of"),
        (["history", "--range", ""], "no range ''"),
        (["--limit", "0"], "0 is not in the range"),
        (["--project", ""], "'--project': it is empty"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "ends before it begins"),
        (["--archived", "--active"], "--archived excludes --active and --status"),
        (["task"], "say one of its commands: start, end, report"),
        (["--agent", "gemini", "stats"], "options go behind `stats`"),
        (["shwo"], "did you mean show"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    kept: Path, capsys: Printed, words: list[str], said: str
) -> None:
    """Exit status 2 and one line that says what would make sense."""
    assert run(["sessions", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["history"], ["search", "login"]], ids=" ".join)
def test_a_limit_may_be_larger_than_the_numbers_of_a_database(
    kept: Path, capsys: Printed, words: list[str]
) -> None:
    """All there is, then."""
    assert run(["sessions", *words, "--limit", str(10**30)]) == 0
    assert "fix-login" in capsys.readouterr().out


def test_an_ambiguous_word_is_refused(kept: Path, capsys: Printed) -> None:
    """With the candidates, and nothing is shown of either."""
    with Library.open(Home(kept)) as library:
        remember(library, "t3", session="3f2a9c01-other")
    assert run(["sessions", "show", "3f2a"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "3f2a9c01-one (fix-login)" in shown.err
    assert "3f2a9c01-other" in shown.err


def test_words_are_marked_on_a_terminal(kept: Path) -> None:
    """In bold, and only there."""
    terminal = OnTerminal(kept, "sessions", "search", "login", "--role", "user")
    assert terminal.end() == 0
    assert "Why does the \x1b[1mlogin\x1b[0m fail?" in terminal.seen


def test_a_table_gives_up_its_least_important_columns() -> None:
    """The flexible one is cut first; then those that may leave do, the last of them last."""
    columns: list[Column[int]] = [
        Column("ID", lambda n: f"id-{n}"),
        Column("TEXT", lambda n: "a long text, " * 3, flexible=True),
        Column("SOME", lambda n: "x" * 10, leaves=1),
        Column("LEAST", lambda n: "y" * 10, leaves=2),
    ]
    heads = [table(columns, [1], width=width).splitlines()[0].split() for width in (70, 48, 36, 20)]
    assert heads == [
        ["ID", "TEXT", "SOME", "LEAST"],
        ["ID", "TEXT", "SOME", "LEAST"],
        ["ID", "TEXT", "SOME"],
        ["ID", "TEXT"],
    ]


def test_figures_are_short_and_never_too_much() -> None:
    """What is not known is not shown as nothing."""
    assert [short_count(n) for n in (0, 999, 1000, 12_399, 999_999, 4_560_000, 3 * 10**9)] == [
        *("0", "999", "1.0k", "12.3k", "999k", "4.5M", "3.0G")
    ]
    assert [duration(ms) for ms in (0, 4210, 59_999, 200_000, 7_500_000, 273_600_000)] == [
        *("0.0 s", "4.2 s", "59 s", "3 min", "2 h 5 min", "3 d 4 h")
    ]
    assert money(0, of=3, known=0) == UNKNOWN
    assert money(1_005_000, of=1, known=1) == "$1.01"
    assert money(1_234_567_890, of=2, known=1) == "≥$1,234.57"
    assert money(4, of=1, known=1) == "<$0.01"
    assert money(4, of=1, known=1, places=6) == "$0.000004"
    assert cut("日本語", 5) == "日本…"
