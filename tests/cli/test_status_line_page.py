"""docs/status-line.md is true: its commands are typed, and give what it shows."""

import os
import re
import subprocess
from pathlib import Path

from tests.support.quick_commands import quick_commands
from tests.support.tars_home import tars_home
from tests.support.walkthrough import Page

TEXT = (Path(__file__).parents[2] / "docs" / "status-line.md").read_text()
#: What makes $1.23 of the prompt below.
CONFIG = """\
[agents.echo]

[prices.models.echo-1]
input = 27
output = 150
"""


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    """Every command in order, once the daemon has looked what today cost; then what stands in the
    files of shells and bars, without a daemon."""
    with tars_home(tmp_path, {"PATH": f"{quick_commands()}:{os.environ['PATH']}"}) as person:
        person.configure(CONFIG)
        person.start()
        person.prompt("ECHO:usage:45000:100:0:0")
        person.until(lambda status: status.today is not None and status.today.tokens > 0)
        assert len(Page(TEXT).commands()) == 3
        Page(TEXT).type_out(person)
        calls = set(re.findall(r"tars status line(?: --[a-z]+)?", TEXT))
        assert len(calls) == 3
        for call in calls:
            done = subprocess.run(
                ["sh", "-c", call], env=person.env, capture_output=True, text=True
            )
            assert (done.returncode, done.stderr) == (0, "")
            assert "stopped" in done.stdout
