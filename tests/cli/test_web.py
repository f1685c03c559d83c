"""`tars web`: prints the address, opens the browser where there is one, closes the page."""

import os
import stat
import sys
from pathlib import Path

import pytest

from tars.cli.app import run
from tars.control.web_contract import WebClosed, WebOpened
from tars.errors import NotRunning
from tests.support.command_line import tars
from tests.support.fake_daemon import FakeDaemon

URL = "http://127.0.0.1:8277/?token=s3cret"


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def opened(daemon: FakeDaemon) -> FakeDaemon:
    daemon.answers["POST /v1/web"] = WebOpened(url=URL, port=8277, expires_in_seconds=600)
    return daemon


def test_the_address_is_alone_on_stdout(
    opened: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is to be known besides is narration."""
    assert run(["web", "--no-open"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{URL}\n"
    assert printed.err == "It works once, within 10 minutes.\n"
    assert opened.asked[-1].body == {"port": None}


def test_a_port_is_asked_for(opened: FakeDaemon) -> None:
    """And the daemon judges whether it can be had."""
    assert run(["web", "--no-open", "--port", "0"]) == 0
    assert opened.asked[-1].body == {"port": 0}
    assert run(["web", "--port", "70000"]) == 2


def test_the_browser_is_not_told_the_secret(opened: FakeDaemon, tmp_path: Path) -> None:
    """Everybody on the machine can read its arguments: it opens a file that only we can read."""
    home = opened.socket.parent.parent
    told, browser = tmp_path / "told", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > "{told}"\n')
    browser.chmod(0o700)
    done = tars(home, "web", env={"BROWSER": str(browser)})
    assert (done.returncode, done.stdout) == (0, f"{URL}\n")
    entrance = home / "run" / "web.html"
    assert told.read_text().strip() == entrance.as_uri()
    assert stat.S_IMODE(entrance.stat().st_mode) == 0o600
    assert f'content="0; url={URL}"' in entrance.read_text()


@pytest.mark.skipif(sys.platform == "darwin", reason="there always is a display")
def test_without_a_display_no_browser_is_opened(opened: FakeDaemon) -> None:
    """The address is there for whoever has one."""
    home = opened.socket.parent.parent
    done = tars(home, "web")
    assert (done.returncode, done.stdout) == (0, f"{URL}\n")
    assert not (home / "run" / "web.html").exists()


def test_over_ssh_the_way_here_is_told(
    opened: FakeDaemon, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser is on another machine then: it comes through a tunnel."""
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 5000 192.0.2.2 22")
    monkeypatch.setenv("BROWSER", "/nonexistent")
    assert run(["web"]) == 0
    assert "ssh -L 8277:127.0.0.1:8277" in capsys.readouterr().err
    assert not (opened.socket.parent / "web.html").exists()


def test_a_browser_that_is_not_there_is_told(opened: FakeDaemon, tmp_path: Path) -> None:
    """And the address still works."""
    home = opened.socket.parent.parent
    done = tars(home, "web", env={"BROWSER": "/nonexistent/browser", "PATH": os.defpath})
    assert done.stdout == f"{URL}\n"
    assert "open the address yourself" in done.stderr


@pytest.mark.parametrize(
    ("was_open", "said"), [(True, "The page is closed.\n"), (False, "The page was not open.\n")]
)
def test_it_is_closed(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str], was_open: bool, said: str
) -> None:
    """Closing twice is no error."""
    daemon.answers["POST /v1/web/close"] = WebClosed(was_open=was_open)
    assert run(["web", "--stop"]) == 0
    assert capsys.readouterr().err == said


def test_a_taken_port_is_refused(daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    """In the daemon's words, with an exit status of its own."""
    daemon.refuse("POST /v1/web", 409, "refused", "Port 8277 is taken by another program.", "Do.")
    assert run(["web"]) == 5
    assert capsys.readouterr().err == "tars: Port 8277 is taken by another program. Do.\n"


def test_without_a_daemon_there_is_no_page(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how to start one."""
    assert run(["web"]) == 3
    assert NotRunning.advice in capsys.readouterr().err
