"""A page of the documentation whose commands are typed again, and give what it shows."""

import re
import subprocess
from dataclasses import dataclass

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


def pattern(shown: str) -> str:
    """What `…` stands for may be anything within its line."""
    lines = [".*".join(map(re.escape, line.split("…"))) for line in shown.rstrip().split("\n")]
    return "\n".join(lines)
