"""Every page that has parts printed from the code, as it should be."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from docs.generating import (
    cli,
    commands,
    comparison,
    configuration,
    environment,
    errors,
    files,
    index,
    layout,
    states,
)
from docs.generating.parts import DOCS, ROOT, with_part
from tars.agents.knowledge import page_part
from tars.agents.registry import KINDS
from tars.control import reference
from tars.core.diagram import diagram
from tars.prices import shipped, snapshot
from tars.prices.kept import package_stamp
from tars.service.launchd import property_list
from tars.service.plan import MACOS_PATH, documented
from tars.service.units import service_unit


def pages() -> dict[Path, str]:
    """Give every page that has generated parts, as it should be."""
    return {path: made() for path, made in MAKERS.items()}


def _architecture() -> str:
    return _with(
        ROOT / "ARCHITECTURE.md",
        layout=f"```\n{layout.layout()}```\n",
        memory=layout.modules("store") + layout.modules("sessions"),
        lifecycle=diagram(),
    )


def _agents() -> str:
    return _with(DOCS / "agents.md", knowledge=page_part(KINDS))


def _commands() -> str:
    return _with(DOCS / "commands.md", commands=commands.command_table())


def _comparison() -> str:
    return _with(
        DOCS / "comparison.md",
        supervision=comparison.supervision(),
        accounting=comparison.accounting(),
    )


def _prices() -> str:
    return shipped.text(snapshot.packaged(datetime.now(UTC), package_stamp()))


def _unit() -> str:
    return service_unit(documented("/home/you"))


def _property_list() -> str:
    return property_list(documented("/Users/you", MACOS_PATH)).decode()


def _with(page: Path, **parts: str) -> str:
    text = page.read_text()
    for name, part in parts.items():
        text = with_part(text, name, part)
    return text


#: What makes each page. The index comes last: it names the others.
MAKERS: Mapping[Path, Callable[[], str]] = {
    ROOT / "ARCHITECTURE.md": _architecture,
    DOCS / "agents.md": _agents,
    DOCS / "cli.md": cli.page,
    DOCS / "commands.md": _commands,
    DOCS / "comparison.md": _comparison,
    DOCS / "configuration.md": configuration.page,
    DOCS / "control-api.md": reference.page,
    DOCS / "environment.md": environment.page,
    DOCS / "errors.md": errors.page,
    DOCS / "files.md": files.page,
    DOCS / "states.md": states.page,
    shipped.PATH: _prices,
    ROOT / "systemd" / "tars.service": _unit,
    ROOT / "launchd" / "org.tars.daemon.plist": _property_list,
    DOCS / "index.md": index.page,
}
