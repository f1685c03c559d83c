"""`tars chat` on a real terminal, with a real daemon: what a person sees, and how it is left."""

import os
import signal
import stat
import sys
import termios
from pathlib import Path

import pytest

from tests.support.chat_terminal import chatting
from tests.support.tars_home import TarsHome
from tests.support.walkthrough import Page

#: How a turn's last line looks.
DONE = r"\d+ in( \([^)]*\))? · \d+ out · "


@pytest.fixture
def echo(tars: TarsHome) -> TarsHome:
    """A daemon with the built-in agent, which is ready."""
    tars.configure_echo()
    tars.start()
    return tars


def test_a_conversation_its_commands_and_coming_back(echo: TarsHome, tmp_path: Path) -> None:
    """An answer is shown as Markdown and once, commands do what they say, and whoever comes back
    is told where they were."""
    with chatting(echo, cwd=str(tmp_path)) as chat:
        chat.enter("hello **there**")
        chat.shows(f"echo: hello there.*{DONE}")
        chat.enter("/cos")
        chat.shows(r"no command /cos. Did you mean /cost\?")
        chat.enter("/cost")
        chat.shows(r"echo-1 +1 +\d+ .*told the cost of no turn")
        chat.enter("//cost")
        chat.shows("echo: /cost")
        chat.enter("/rename mine")
        chat.shows("is named mine now")
        chat.enter("/export out.md")
        chat.shows("Wrote this conversation to")
        chat.enter("/clear")
        chat.shows("A new conversation begins")
        chat.enter("ECHO:history")
        chat.shows("turns=1")
        chat.enter("/sessions")
        chat.shows("1 .*2 .*mine: hello.*/resume NUMBER")
        chat.enter("/resume 2")
        chat.shows("Going on with mine")
        chat.enter("ECHO:history")
        chat.shows("turns=3")
        chat.send("\x04")
        assert chat.ended() == 0
        assert chat.text().count("Going on with mine") == 1
    assert "echo: hello **there**" in (tmp_path / "out.md").read_text()
    history = echo.home.data / "chat_history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    with chatting(echo, "-r", "mine", cwd=str(tmp_path), columns=40) as chat:
        text = chat.shows("Going on with mine.*3 turns.*ECHO:history.*turns=3")
        assert max(map(len, text.splitlines())) <= 40
        chat.send("\x1b[A")  # what was sent last, by whichever chat
        chat.shows(r"\u203a ECHO:history\s+echo ·")


def test_two_chats_see_each_others_turns_and_answer_one_question(echo: TarsHome) -> None:
    """Each turn is shown once in both; a question goes away where another one answered it, and
    what was being typed comes back."""
    with chatting(echo) as one, chatting(echo, columns=50) as two:
        one.enter("hello")
        two.shows(f"hello\n  sent from elsewhere.*echo: hello.*{DONE}")
        one.shows(DONE)
        one.send("half a line")
        one.shows("half a line")
        two.enter("ECHO:ask:execute")
        one.shows(r"echo asks for permission.*Allow\? y, n, a")
        two.shows(r"Allow\? y, n, a")
        assert "half a line" not in one.text()
        two.enter("maybe")
        two.shows("That is no answer")
        two.enter("n")
        two.shows("Refused: ")
        two.shows("echo: reject_once")
        one.shows("reject_once.*half a line")
        one.shows_no_more(r"Allow\?")
        assert one.text().count("echo: reject_once") == 1
        assert two.text().count("echo: reject_once") == 1
        one.send("\x03")
        one.shows_no_more("half a line")


def test_typing_pasting_cancelling_and_resizing(echo: TarsHome) -> None:
    """Pasted lines are one prompt, a backslash goes on, Ctrl-C cancels; a size is followed."""
    with chatting(echo) as chat:
        chat.send("\x1b[200~line one\nline two\x1b[201~")
        chat.shows("line one\n  line two")
        chat.send("\r")
        chat.shows("echo: line one line two")
        chat.enter("first\\")
        chat.shows("first\n")
        chat.send("second\x1b\rthird\r")
        chat.shows("echo: first second third")
        chat.resize(24, 60)
        chat.enter("ECHO:slow:40:0.1")
        chat.shows(r"\n1 2 3.*Ctrl-C cancels")
        chat.send("\x03")
        chat.shows("Cancelled")
        chat.send("/re")
        chat.shows("/resume +go on")
        chat.send("\x03")
        chat.shows_no_more("/resume +go on")
        chat.send("\x03")
        chat.shows("Nothing to cancel")
        chat.send("\x03")
        assert chat.ended() == 0


def test_a_daemon_that_dies_and_comes_back(echo: TarsHome) -> None:
    """It is said, what is typed stays, and the turn's outcome is told from the store."""
    with chatting(echo) as chat:
        chat.enter("ECHO:slow:100:0.1")
        chat.shows(r"\n1 2 3")
        echo.kill(echo.daemon_pid())
        chat.shows("tars is not there")
        chat.enter("kept")
        chat.shows("What you typed is kept")
        echo.start()
        chat.shows("tars is back.*The daemon ended in the middle of this turn")
        chat.send("\r")
        chat.shows(f"echo: kept.*{DONE}")
        assert chat.text().count("\u203a kept") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(echo: TarsHome, number: signal.Signals) -> None:
    """The terminal is as it was, and the agent goes on with its turn."""
    with chatting(echo) as chat:
        other = os.open(chat.tty(), os.O_RDWR | os.O_NOCTTY)
        try:
            assert not termios.tcgetattr(other)[3] & termios.ICANON
            chat.enter("ECHO:slow:5:0.1")
            chat.shows("Ctrl-C cancels")
            chat.child.kill(number)
            assert chat.ended() == 128 + number
            flags = termios.tcgetattr(other)[3]
            assert flags & termios.ICANON
            assert flags & termios.ECHO
        finally:
            os.close(other)
        assert "\x1b[?2004l" in chat.raw
        assert "echo goes on and works on what you sent" in chat.text()
    echo.prompt("afterwards")
    assert echo.ledger()[1].outcome == "ok"


def test_without_colours_it_is_plain(echo: TarsHome) -> None:
    """With NO_COLOR the answer is as it came, and nothing is coloured."""
    with chatting(echo, env={"NO_COLOR": "1"}) as chat:
        chat.enter("hello **there** \x1b[31m\x1b[M")
        chat.shows(f"echo: hello \\*\\*there\\*\\*.*{DONE}")
        assert "\x1b[31m" not in chat.raw
        assert "\x1b[36" not in chat.raw


def test_lines_of_a_pipe_are_prompts(tars: TarsHome) -> None:
    """A daemon is started for them; answers go to stdout, the last line's status is the end's."""
    tars.configure_echo()
    done = tars.tars("chat", stdin="hello\n/rename greeting\n\n//x\nECHO:history\n")
    assert (done.returncode, done.stdout) == (0, "echo: hello\necho: /x\nturns=3\n"), done.stderr
    done = tars.tars("chat", "-r", "greeting", stdin="ECHO:history\n/nothing\n")
    assert (done.returncode, done.stdout) == (1, "turns=4\n")
    assert "no command /nothing" in done.stderr
    done = tars.tars("chat", "--no-session", stdin="ECHO:history\nECHO:error:-32603\n")
    assert (done.returncode, done.stdout) == (1, "turns=1\n")
    assert tars.tars("chat", "--no-session", stdin="a\n/rename b\n").returncode == 1
    done = tars.tars("chat", stdin="/rename mine\n/sessions mine\n/cost\n/quit now\n/mode\n")
    assert "This conversation is named mine now." in done.stderr
    assert "/sessions stands alone" in done.stderr
    assert "echo-1 " in done.stderr
    assert "/quit stands alone" in done.stderr
    assert "The mode of echo is default.\nIt offers default, autoEdit, yolo." in done.stderr
    assert tars.tars("chat", "--agent", "nobody", stdin="").returncode == 1
    assert tars.tars("chat", "--new", "--session", "last", stdin="").returncode == 2


def test_after_a_fallback_the_conversation_is_still_that_of_its_agent(tars: TarsHome) -> None:
    """The next prompt is not sent to the other agent's conversation under the first one's name."""
    tars.configure_echo(fallback=["two"], more='[agents.two]\nkind = "echo"')
    done = tars.tars("chat", "--new", stdin="ECHO:error:-32603\nhello\n")
    assert (done.returncode, done.stdout) == (0, "echo: hello\n"), done.stderr
    with chatting(tars, "--new") as chat:
        chat.enter("ECHO:error:-32603")
        chat.shows(r"Asking two\s+instead.*\n\nThe agent")
        chat.enter("/model")
        chat.shows(r"\u203a /model.*The model of echo is echo-1\..*It offers echo-1\.")
        chat.enter("hello again")
        chat.shows(f"echo: hello again.*{DONE}")


def test_after_a_terminal_program_a_session_is_named_again(tars: TarsHome) -> None:
    """What follows `/resume` goes to that session, whichever agent was talked with before."""
    tars.configure_echo(more='[agents.cat]\nkind = "pty"\ncommand = ["cat"]')
    done = tars.tars("chat", stdin="one\n/rename first\n/new\ntwo\ntwo\n")
    assert done.returncode == 0, done.stderr
    lines = "/new nobody\n/new cat\nhello\n/resume first\nECHO:history\n"
    done = tars.tars("chat", stdin=lines)
    assert (done.returncode, done.stdout) == (0, "hello\nturns=2\n"), done.stderr
    assert "There is echo, cat." in done.stderr


def test_a_terminal_program_is_chatted_with_too(tars: TarsHome) -> None:
    """Its state is told, though its conversation cannot be overheard."""
    tars.configure('[agents.cat]\nkind = "pty"\ncommand = ["cat"]\n')
    tars.start()
    with chatting(tars) as chat:
        chat.send("/mode nope\r")
        chat.shows("\u203a /mode nope.*leaves nobody the choice of its mode")
        chat.enter("hello")
        chat.shows("tokens not counted.*cat · ready · hello")
        tars.stop()
        tars.start()
        chat.enter("again")
        chat.shows("again\n\nagain.*tokens not counted")
        chat.enter("/sessions")
        chat.shows("2 .*hello.*/resume NUMBER")
        chat.enter("/resume 2")
        chat.shows("has one conversation only")


def test_the_page_tells_the_truth(tars: TarsHome) -> None:
    """Its example, typed as it stands, prints what it shows."""
    tars.configure_echo()
    page = Page((Path(__file__).parents[2] / "docs" / "chat.md").read_text())
    path = os.pathsep.join((str(Path(sys.executable).parent), tars.env["PATH"]))
    assert page.commands()
    page.type_out(TarsHome(tars.home, {**tars.env, "PATH": path}))
