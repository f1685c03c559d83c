"""The service in systemd's hands, with a `systemctl` that remembers what it was told."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tars.errors import Refused, TarsError
from tars.service.plan import Plan, documented
from tars.service.systemd import NoManager, Systemd, lingers, variables
from tars.service.systemd_service import SystemdService
from tests.support.service_managers import FakeManager, fake_systemctl

USER = "--user --no-ask-password --no-pager"


@pytest.fixture
def systemctl(tmp_path: Path) -> FakeManager:
    return fake_systemctl(tmp_path / "systemd")


@pytest.fixture
def service(tmp_path: Path, systemctl: FakeManager) -> SystemdService:
    home = tmp_path / "you"
    home.mkdir()
    path = f"{systemctl.programs}:{os.environ['PATH']}"
    return SystemdService(Systemd({"HOME": str(home), "PATH": path, "XDG_RUNTIME_DIR": "/none"}))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return documented(str(tmp_path / "you"))


def install(service: SystemdService, plan: Plan, *, force: bool = False) -> list[str]:
    return service.install(plan, force=force, start=True, on_wait=lambda: None)


def uninstall(service: SystemdService) -> list[str]:
    return service.uninstall(force=False, on_wait=lambda: None)


def test_install_writes_enables_and_starts_once(
    service: SystemdService, plan: Plan, systemctl: FakeManager
) -> None:
    """A second time there is nothing to do, and nothing is done."""
    assert len(install(service, plan)) == 3
    assert stat.S_IMODE(service.file.stat().st_mode) == 0o644
    assert [p.name for p in service.file.parent.iterdir()] == ["tars.service"]
    assert systemctl.calls() == [
        f"{USER} daemon-reload",
        f"{USER} enable tars.service",
        f"{USER} start tars.service",
    ]
    assert install(service, plan) == []
    assert systemctl.calls() == []


def test_what_is_found_is_what_was_planned(service: SystemdService, plan: Plan) -> None:
    """The home, the program and PATH are read back from the manager."""
    assert service.state() is None
    moved = replace(plan, home="/srv/a home")
    install(service, moved)
    state = service.state()
    assert state is not None
    assert (state.home, state.command, state.path) == ("/srv/a home", *plan.command, plan.path)
    assert (state.starts, state.active, state.words) == ("at login", True, "active (running)")
    assert (state.pid, state.says, state.edited) == (4242, "echo: ready", False)


def test_uninstall_takes_back_what_install_did(
    service: SystemdService, plan: Plan, systemctl: FakeManager
) -> None:
    """Stopped and disabled before the file goes; a drop-in is the person's."""
    install(service, plan)
    systemctl.calls()
    override = service.file.with_name("tars.service.d") / "override.conf"
    override.parent.mkdir()
    override.write_text("[Service]\n")
    state = service.state()
    assert state is not None
    assert state.drop_ins == (override,)
    done = uninstall(service)
    assert done == [f"{service.file} is removed.", f"{override} is yours, and stays."]
    assert systemctl.calls() == [
        f"{USER} disable --now tars.service",
        f"{USER} daemon-reload",
        f"{USER} reset-failed tars.service tars.socket",
    ]
    assert override.exists()
    assert uninstall(service) == []


@pytest.mark.parametrize("text", ["[Service]\nExecStart=/bin/true\n", None])
def test_what_a_person_wrote_is_refused_and_kept(
    service: SystemdService, plan: Plan, systemctl: FakeManager, text: str | None
) -> None:
    """A unit of one's own, and ours with a changed line: only --force replaces them."""
    install(service, plan)
    by_hand = text or service.file.read_text().replace("RestartSec=1", "RestartSec=9")
    service.file.write_text(by_hand)
    systemctl.calls()
    with pytest.raises(Refused, match="by hand"):
        install(service, plan)
    with pytest.raises(Refused, match="by hand"):
        uninstall(service)
    assert systemctl.calls() == []
    assert service.file.read_text() == by_hand
    assert install(service, plan, force=True) == [f"{service.file} is written."]


def test_with_a_socket_the_socket_is_enabled(
    service: SystemdService, plan: Plan, systemctl: FakeManager
) -> None:
    """The service waits; changing between both stops the daemon, which listened otherwise."""
    install(service, replace(plan, socket=True))
    assert systemctl.calls() == [
        f"{USER} daemon-reload",
        f"{USER} enable tars.socket",
        f"{USER} start tars.socket",
    ]
    state = service.state()
    assert state is not None
    assert (state.starts, state.active, state.listens) == ("when first asked", False, True)
    service.start(lambda: None)
    service.stop(lambda: None)
    assert systemctl.calls() == [f"{USER} {verb} tars.socket tars.service" for verb in _VERBS]
    install(service, plan)
    assert systemctl.calls()[0] == f"{USER} stop tars.socket tars.service"
    assert not service.file.with_name("tars.socket").exists()


_VERBS = ("start", "stop")


def test_without_its_manager_nothing_is_changed(
    service: SystemdService, plan: Plan, systemctl: FakeManager
) -> None:
    """Each reason has its words, and no file is written."""
    systemctl.know("broken", "System has not been booted with systemd as init system (PID 1).\n")
    with pytest.raises(NoManager, match="as in most containers"):
        install(service, plan)
    systemctl.know("broken", "Failed to connect to bus: Permission denied\n")
    with pytest.raises(NoManager, match="connect to bus: Permission denied") as refused:
        install(service, plan)
    assert "--system" in refused.value.advice
    with pytest.raises(NoManager, match="not installed"):
        install(SystemdService(Systemd({"HOME": "/none", "PATH": "/none"})), plan)
    assert not service.file.parent.exists()


def test_a_start_that_fails_says_where_to_look(
    service: SystemdService, plan: Plan, systemctl: FakeManager
) -> None:
    """systemctl's own words, and the journal's command."""
    systemctl.know("fails.tars.service")
    with pytest.raises(TarsError, match="unavailable resources"):
        install(service, plan)
    with pytest.raises(TarsError, match="failed") as failed:
        service.start(lambda: None)
    assert "journalctl --user -u tars -n 20" in failed.value.advice


def test_a_variable_with_spaces_is_read_whole() -> None:
    """systemctl quotes as a shell does; what cannot be read is nothing."""
    assert variables("PATH=/a:/b 'TARS_HOME=/my home'") == {
        "PATH": "/a:/b",
        "TARS_HOME": "/my home",
    }
    assert variables("'unclosed") == {}


def test_lingering_is_asked_of_logind(service: SystemdService) -> None:
    """`loginctl` answers yes or no; without it nobody knows."""
    assert lingers("you", service.manager.env) is False
    assert lingers("nobody at all", {"PATH": "/none"}) is None
