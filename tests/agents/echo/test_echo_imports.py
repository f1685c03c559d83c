"""The built-in agent starts fast because it loads little."""

import subprocess
import sys

_PROGRAM = "import sys, tars.agents.echo.__main__; print(*sys.modules)"
_SLOW = {"msgspec", "anyio", "asyncio", "typing", "dataclasses", "subprocess", "inspect"}


def test_the_agent_loads_nothing_slow() -> None:
    """Neither a library of tars nor the standard library's slow modules."""
    run = subprocess.run(
        [sys.executable, "-P", "-S", "-c", f"import sys; sys.path[:0] = {sys.path}; {_PROGRAM}"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(run.stdout.split())
    assert loaded & _SLOW == set()
    assert {name for name in loaded if name.startswith("tars")} == {
        "tars",
        "tars.agents",
        "tars.agents.echo",
        "tars.agents.echo.__main__",
        "tars.agents.echo.memory",
        "tars.agents.echo.script",
        "tars.agents.echo.server",
        "tars.agents.echo.wire",
    }
