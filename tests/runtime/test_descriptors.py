"""What a process may open, and what it hands down. In processes of their own."""

import subprocess
import sys
import textwrap


def said(code: str) -> str:
    argv = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_the_daemon_may_open_all_it_is_allowed_and_its_children_what_they_were() -> None:
    """A program that cannot handle large numbers gets none."""
    code = """
        import resource, subprocess
        from tars.runtime import descriptors
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        descriptors.OURS.raise_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
        descriptors.OURS.lower_limit_of(child.pid)
        print(resource.prlimit(child.pid, resource.RLIMIT_NOFILE)[0])
        child.communicate()
    """
    assert said(code) == "200"


def test_what_the_daemon_was_started_with_stays_with_it() -> None:
    """A descriptor that a careless parent left open reaches no agent."""
    code = """
        import os, subprocess
        from tars.runtime import descriptors
        leaked = os.dup(1)
        os.set_inheritable(leaked, True)
        descriptors.OURS.keep()
        print(os.get_inheritable(leaked), os.get_inheritable(1))
    """
    assert said(code) == "False True"
