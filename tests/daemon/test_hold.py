"""There is one daemon for a home, whatever is deleted under its feet."""

import os
import shutil
from pathlib import Path

import pytest

from tars.control.unix_socket import bind
from tars.daemon.hold import hold, refuse_if_answered
from tars.errors import AlreadyRunning
from tars.home import Home


@pytest.fixture
def home(short_path: Path) -> Home:
    home = Home(short_path)
    home.prepare()
    return home


def test_the_lock_says_who_holds_it(home: Home) -> None:
    """The pid as decimal text, also where a longer one stood; free again afterwards."""
    home.lock.write_text("123456789012\n")
    for _ in range(2):
        with hold(home):
            assert home.lock.read_text() == f"{os.getpid()}\n"


def test_a_second_one_is_refused(home: Home) -> None:
    """And the pid of the first stays."""
    with hold(home):
        with pytest.raises(AlreadyRunning), hold(home):
            pass
        assert home.lock.read_text() == f"{os.getpid()}\n"


def test_a_manager_that_listens_is_no_daemon(home: Home) -> None:
    """systemd has the socket before the daemon holds the home; the locks count all the same."""
    with bind(home.socket) as listening:
        listening.listen()
        with pytest.raises(AlreadyRunning), hold(home):
            pass
        with hold(home, listens=True), pytest.raises(AlreadyRunning), hold(home, listens=True):
            pass


def test_what_is_deleted_under_run_lets_no_second_one_in(home: Home) -> None:
    """The lock file alone, or the whole folder."""
    with hold(home):
        home.lock.unlink()
        with pytest.raises(AlreadyRunning), hold(home):
            pass
        shutil.rmtree(home.run)
        home.prepare()
        with pytest.raises(AlreadyRunning), hold(home):
            pass


def test_a_socket_that_answers_is_somebodys(home: Home) -> None:
    """One that nobody listens on, or that is not there, is nobody's."""
    refuse_if_answered(home.socket)
    with bind(home.socket) as sock:
        refuse_if_answered(home.socket)
        sock.listen()
        with pytest.raises(AlreadyRunning), hold(home):
            pass
    refuse_if_answered(home.socket)
    with hold(home):
        pass
