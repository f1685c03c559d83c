"""Who belongs to whom among orphans. In processes of their own, which adopt them."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tars.runtime.process_table import HAS_CHILDREN

pytestmark = pytest.mark.skipif(not HAS_CHILDREN, reason="orphans are adopted on Linux only")

HEAD = """
    import os, resource, signal, subprocess, sys
    from pathlib import Path
    import anyio
    from tars.runtime import children, marks
    from tars.runtime.family import OURS
    from tars.runtime.process_table import own_children, runs

    def make(code):
        env = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        return children.spawn("one", [sys.executable, "-c", code], env=env, cwd=Path.cwd())

    def line(child):
        os.set_blocking(child.stdout, True)
        text = b""
        while not text.endswith(b"\\n"):
            text += os.read(child.stdout, 1)
        return int(text)

    async def end(child):
        child.signal_group(9)
        await child.exited()
        child.close()

    #: Twice forked, in a session of its own; it tells its pid when it is what it wants to be.
    AWAY = '''
    import os, resource, signal, sys
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            {then}
            code = "import os; print(os.getpid(), flush=True); os.closerange(0, 9); "
            code += "import signal; signal.pause()"
            os.execve(sys.executable, ["x", "-I", "-S", "-c", code], {env})
        os._exit(0)
    os.wait()
    signal.pause()
    '''

    def away(then="pass", env="os.environ"):
        import textwrap
        return make(textwrap.dedent(AWAY).format(then=then, env=env))

    OURS.settle("ab" * 8)
"""


def said(code: str, folder: Path) -> list[str]:
    """Run code in a process that adopts, and give the words that it printed."""
    argv = [sys.executable, "-c", textwrap.dedent(HEAD) + textwrap.dedent(code)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


BLANK = 'then="resource.setrlimit(10, (-1, -1))", env="{}"'


def test_what_has_no_mark_goes_with_the_last_that_may_have_made_it(tmp_path: Path) -> None:
    """Nobody else's agent is ended for it, and it does not stay."""
    code = f"""
        async def scene():
            one, two = away({BLANK}), away()
            blank, marked = line(one), line(two)
            await end(one)
            print(runs(blank), runs(marked))
            await end(two)
            print(runs(blank), runs(marked))
        anyio.run(scene)
        print(own_children())
    """
    assert said(code, tmp_path) == ["True", "True", "False", "False", "[]"]


def test_an_agent_of_another_home_is_spared(tmp_path: Path) -> None:
    """Its own daemon, which an agent of ours may have started, is the one to end it."""
    code = """
        other = marks.Mark("cd" * 8, "two", "00" * 4)
        env = repr({marks.VARIABLE: str(other)})
        then = f"resource.setrlimit(10, ({other.number}, -1))"
        async def scene():
            one, two = away(then, env), away()
            foreign, marked = line(one), line(two)
            await end(two)
            await end(one)
            print(runs(foreign), runs(marked))
            os.kill(foreign, signal.SIGKILL)
        anyio.run(scene)
    """
    assert said(code, tmp_path) == ["True", "False"]


def test_the_dead_are_reaped_and_no_status_is_stolen(tmp_path: Path) -> None:
    """Orphans that end vanish; who waits for a process of his own hears how it ended."""
    code = """
        async def scene():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(OURS.reap)
                own = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
                agent = away()
                orphan = line(agent)
                os.kill(orphan, signal.SIGKILL)
                while orphan in own_children():
                    await anyio.sleep(0.01)
                os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)
                await anyio.sleep(0.2)
                print(own.wait())
                agent.signal_group(15)
                print(await agent.exited())
                agent.close()
                tasks.cancel_scope.cancel()
        anyio.run(scene)
    """
    assert said(code, tmp_path) == ["7", "-15"]
