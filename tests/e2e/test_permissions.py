"""Permissions under a real daemon: what is remembered, and who answered."""

import json
import os
from collections.abc import Iterator
from typing import Any

from tars.control.contract import PermissionStatus, PromptRequest
from tests.support.tars_home import TarsHome


def ask(tars: TarsHome) -> tuple[PermissionStatus, Iterator[Any]]:
    stream = tars.client.prompt(PromptRequest(text="ECHO:ask"))
    asked = next(message for name, message in stream if name == "permission")
    assert isinstance(asked, PermissionStatus)
    return asked, stream


def answers(tars: TarsHome) -> list[dict[str, Any]]:
    """Every answer that is in the log."""
    lines = (json.loads(line) for line in tars.home.log.read_text().splitlines())
    return [line for line in lines if line["event"] == "permission_answered"]


def test_a_choice_is_remembered_until_it_is_forgotten(tars: TarsHome) -> None:
    """Over a restart of the daemon; the log and the events say who answered, and never what
    it was about. The request has its title, and each name is as the wire spells it."""
    tars.start()
    with tars.happenings() as happened:
        asked, stream = ask(tars)
        permitted = tars.tars("permit", asked.id, "--always")
        assert permitted.stdout == "Allowed (proceed_once). Remembered for execute.\n"
        assert tars.result(stream).text == "echo: allow_once"
        told = b""
        while b'"event":"permission_answered"' not in told:
            told += happened.recv(65536)
        assert b'"by":"person"' in told
        for event in (b'"event":"permission_asked"', b'"event":"permission_answered"'):
            (line,) = (line for line in told.splitlines() if event in line)
            assert b'"requestId"' in line
            assert b'"toolKind"' in line
            assert (asked.title.encode() in line) is (event == b'"event":"permission_asked"')
        assert b"retry_after" not in told
        assert b'"retryAfter"' in told or b"turn_ended" not in told
    assert tars.prompt("ECHO:ask").text == "echo: allow_once"
    tars.stop()
    tars.start()
    assert tars.prompt("ECHO:ask").text == "echo: allow_once"
    first, *rest = answers(tars)
    assert (first["by"], first["answer"], first["toolKind"]) == ("person", "allow", "execute")
    assert first["who"].startswith("cli pid ")
    assert [line["by"] for line in rest] == ["remembered", "remembered"]
    assert asked.title not in tars.home.log.read_text()
    assert (os.stat(tars.home.choices).st_mode & 0o777) == 0o600
    assert asked.title not in tars.home.choices.read_text()
    listed = tars.tars("permissions").stdout
    assert "echo   execute  allow  chosen " in listed
    assert "by cli pid " in listed
    assert tars.tars("permissions", "forget", "execute").stdout == "Forgot 1 choice.\n"
    asked, stream = ask(tars)
    assert tars.tars("permit", asked.id, "--deny", "--always").returncode == 0
    assert tars.result(stream).text == "echo: reject_once"
    assert tars.prompt("ECHO:ask").text == "echo: reject_once"


def test_what_the_configuration_denies_stays_denied(tars: TarsHome) -> None:
    """Whatever was chosen before; the list says that the choice does not hold."""
    tars.start()
    asked, stream = ask(tars)
    tars.client.permit(asked.id, remember=True)
    assert tars.result(stream).text == "echo: allow_once"
    tars.configure('[agents.echo]\nkind = "echo"\npermissions = { execute = "deny" }\n')
    assert tars.client.reload().faults == []
    assert tars.prompt("ECHO:ask").text == "echo: reject_once"
    rules = tars.client.permissions("echo").rules
    assert {(r.source, r.tool_kind, r.rule, r.in_force) for r in rules} == {
        ("config", "execute", "deny", True),
        ("config", "default", "ask", True),
        ("remembered", "execute", "allow", False),
    }
    assert [line["by"] for line in answers(tars)] == ["person", "policy"]


def test_a_question_with_nobody_there_is_refused_in_time(tars: TarsHome) -> None:
    """The agent is never left to hang: the turn goes on, and the log says why."""
    tars.configure_echo(permission_seconds=0.3)
    tars.start()
    accepted = tars.client.submit(PromptRequest(text="ECHO:ask"))
    # The next prompt waits for it, and its result is told when both are on record.
    assert tars.prompt("Hello").outcome == "ok"
    row = tars.ledger()[0]
    assert (row.id, row.outcome) == (accepted.turn, "ok")
    assert [(line["by"], line["answer"]) for line in answers(tars)] == [("timeout", "deny")]
