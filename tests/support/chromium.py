"""A real headless Chromium with a profile of its own, which is gone afterwards.

Whatever breaks the page's Content-Security-Policy, or is an error in its console, fails the test
that it happened in.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright

#: No network, no sandbox in a sandbox, nothing that a first start or an update would do.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
#: What Chromium says of each request that found no daemon, or was refused: it is no fault.
_EXPECTED = ("Failed to load resource",)
_LISTEN = """
window.broken = [];
document.addEventListener('securitypolicyviolation',
  (event) => window.broken.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


def path() -> str | None:
    """Where it is installed, if it is."""
    named = os.environ.get("TARS_CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("chromium-browser")
    return found or shutil.which("google-chrome")


def needed() -> str:
    """Its path. Without it the tests of the page are skipped; in CI they fail."""
    found = path()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium, and CI has to have one.")
        pytest.skip("There is no Chromium here.")
    return found


@dataclass
class Browser:
    """One profile. `faults` are what its pages did wrong so far."""

    context: BrowserContext
    faults: list[str] = field(default_factory=list)

    def open(self, width: int = 1280, height: int = 860, *, scheme: str = "light") -> Page:
        """A new page of this size."""
        page = self.context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"{error.name}: {error.message}"))
        return page

    def close_pages(self) -> None:
        """Close them all, and fail for what any of them did wrong."""
        for page in self.context.pages:
            if page.url.startswith("http"):
                with suppress(Exception):
                    self.faults += page.evaluate("window.broken ?? []")
            page.close()
        faults, self.faults = self.faults, []
        assert faults == []

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_EXPECTED):
            self.faults.append(message.text)


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Run it with this folder as its profile. Nothing of it is alive afterwards."""
    program = needed()
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=program, args=list(FLAGS), headless=True
        )
        context.add_init_script(_LISTEN)
        browser = Browser(context)
        ours = [child for child in psutil.Process().children(recursive=True) if _is_one(child)]
        assert ours, "it runs"
        try:
            yield browser
        finally:
            ours += [child for child in psutil.Process().children(recursive=True) if _is_one(child)]
            context.close()
    _, left = psutil.wait_procs(ours, timeout=20)
    for process in left:
        process.kill()
    assert left == []


def _is_one(process: psutil.Process) -> bool:
    try:
        return "chrom" in process.name()
    except psutil.Error:
        return False
