"""A page of the documentation whose commands are typed again, and give what it shows."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tars.home import Home
from tests.support.tars_home import TarsHome


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text. Its `console` blocks are typed, its first `toml` block is config.toml."""

    text: str

    @property
    def config(self) -> str:
        found = re.search(r"^```toml\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        assert found, "the page shows no configuration"
        return found[1]

    def commands(self) -> list[tuple[str, str]]:
        """Every command of the page with the output that it shows."""
        shown = re.findall(r"^```console\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        parts = re.split(r"^\$ ", "".join(shown), flags=re.MULTILINE)[1:]
        return [(command, output) for command, _, output in (p.partition("\n") for p in parts)]

    def type_out(self, person: TarsHome) -> None:
        """Type every command; each has to give what the page shows."""
        for command, shown in self.commands():
            if command.startswith("tars permit"):
                # A person reads this in `tars status`.
                person.until(lambda status: bool(status.agents[0].permissions))
            if command == "tars status":
                # What today cost is found out once somebody has asked how everything is.
                person.until(lambda status: status.today is not None)
            done = subprocess.run(
                ["sh", "-c", command],
                env=person.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            # Errors are shown; progress, which is narrated on stderr too, is not.
            seen = (done.stdout.rstrip(), (done.stderr + done.stdout).rstrip())
            assert any(re.fullmatch(pattern(shown), text) for text in seen), f"$ {command}\n{seen}"


@contextmanager
def somebody(command: Path, env: Mapping[str, str], config: str) -> Iterator[TarsHome]:
    """Give a person who has this agent installed, with this environment and config.toml, and
    leave nothing of theirs running."""
    with tempfile.TemporaryDirectory(prefix="tars-") as folder:
        # The pages say ~/.tars, and a socket's path has to be short.
        short = Path(folder) / "home"
        short.symlink_to(env["HOME"])
        path = os.pathsep.join(map(str, (Path(sys.executable).parent, command.parent, env["PATH"])))
        ours = {"HOME": str(short), "PATH": path, "LANG": "C.UTF-8"}
        person = TarsHome(Home(short / ".tars"), {**env, **ours})
        person.configure(config)
        try:
            yield person
        finally:
            person.drain()


#: A line that the width of the terminal broke goes on under its own text.
WRAPPED = r"(?:\n {14}\S.*)*"


def pattern(shown: str) -> str:
    """What `…` stands for may be anything within its line, and at its end what it wraps to."""
    return "\n".join(map(_line, shown.rstrip().split("\n")))


def _line(line: str) -> str:
    told = ".*".join(map(re.escape, line.split("…")))
    return told + WRAPPED if line.endswith("…") else told
