"""The service in launchd's hands, with a `launchctl` that remembers what it was told."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tars.errors import Refused, TarsError
from tars.service.launchd_service import LaunchdService
from tars.service.plan import MACOS_PATH, Plan, documented
from tests.support.service_managers import FakeManager, fake_launchctl

TARGET = "gui/501/org.tars.daemon"


@pytest.fixture
def launchctl(tmp_path: Path) -> FakeManager:
    return fake_launchctl(tmp_path / "launchd")


@pytest.fixture
def service(tmp_path: Path, launchctl: FakeManager) -> LaunchdService:
    path = f"{launchctl.programs}:{os.environ['PATH']}"
    return LaunchdService({"HOME": str(tmp_path / "you"), "PATH": path}, uid=501)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return documented(str(tmp_path / "you"), MACOS_PATH)


def install(service: LaunchdService, plan: Plan, *, force: bool = False) -> list[str]:
    return service.install(plan, force=force, start=True, on_wait=lambda: None)


def test_from_install_to_uninstall(
    service: LaunchdService, plan: Plan, launchctl: FakeManager
) -> None:
    """Loaded once, looked at, stopped by unloading, started again, and taken back."""
    assert service.state() is None
    assert len(install(service, plan)) == 2
    assert install(service, plan) == []
    assert launchctl.calls() == [f"bootstrap gui/501 {service.file}"]
    state = service.state()
    assert state is not None
    assert (state.home, state.command) == (plan.home, plan.command[0])
    assert (state.starts, state.active, state.pid) == ("at login", True, 4242)
    service.stop(lambda: None)
    stopped = service.state()
    assert stopped is not None
    assert (stopped.active, stopped.words) == (False, "not loaded")
    service.start(lambda: None)
    assert launchctl.calls() == [
        f"bootout {TARGET}",
        f"bootstrap gui/501 {service.file}",
        f"kickstart {TARGET}",
    ]
    assert service.uninstall(force=False, on_wait=lambda: None) == [f"{service.file} is removed."]
    assert launchctl.calls() == [f"bootout {TARGET}"]
    assert service.uninstall(force=False, on_wait=lambda: None) == []


def test_another_list_is_replaced_by_force_alone(
    service: LaunchdService, plan: Plan, launchctl: FakeManager
) -> None:
    """What is loaded is unloaded first: launchd reads the file once."""
    moved = replace(plan, home="/Users/you/else where")
    install(service, moved)
    state = service.state()
    assert state is not None
    assert state.home == moved.home
    with pytest.raises(Refused, match="something else"):
        install(service, plan)
    launchctl.calls()
    install(service, plan, force=True)
    assert launchctl.calls() == [f"bootout {TARGET}", f"bootstrap gui/501 {service.file}"]


def test_without_launchctl_it_is_told(plan: Plan, tmp_path: Path) -> None:
    """Its name is in the message."""
    service = LaunchdService({"HOME": str(tmp_path), "PATH": "/none"})
    with pytest.raises(TarsError, match="launchctl bootstrap"):
        install(service, plan)
