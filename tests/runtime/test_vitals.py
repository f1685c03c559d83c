"""Memory and CPU of real processes."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

from tars.runtime.vitals import Gauge, Vitals

MEBIBYTE = 2**20


@contextmanager
def process(code: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that takes a step whenever `step` asks for it, and says when it is done."""
    argv = [sys.executable, "-I", "-S", "-c", textwrap.dedent(code)]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        yield child
        child.kill()


def step(child: "subprocess.Popen[str]") -> str:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return child.stdout.readline().strip()


def test_a_process_that_allocates_is_seen_to_grow() -> None:
    """Resident memory, in bytes."""
    code = """
        input(); print("small", flush=True)
        input(); ballast = b"x" * 50 * 2**20; print("big", flush=True)
        input()
    """
    with process(code) as child:
        gauge = Gauge(child.pid)
        step(child)
        small = gauge.sample(descendants=False)
        step(child)
        big = gauge.sample(descendants=False)
    assert 0 < small.rss_bytes < 40 * MEBIBYTE
    assert big.rss_bytes - small.rss_bytes >= 49 * MEBIBYTE


def test_descendants_weigh_only_when_they_are_asked_for() -> None:
    """Finding them reads the whole process table."""
    code = """
        import os, signal
        input()
        if os.fork() == 0:
            ballast = b"x" * 50 * 2**20
            print("ready", flush=True)
            while True:
                signal.pause()
        os.read(0, 1)
        os.killpg(0, 9)
    """
    with process("import os; os.setsid()\n" + textwrap.dedent(code)) as child:
        step(child)
        gauge = Gauge(child.pid)
        alone = gauge.sample(descendants=False)
        family = gauge.sample(descendants=True)
        assert family.rss_bytes - alone.rss_bytes >= 49 * MEBIBYTE
        # The seconds of another family are no measure of what this one did meanwhile.
        assert family.cpu_percent == 0.0
        os.killpg(child.pid, 9)


def test_work_is_seen_as_a_share_of_one_core() -> None:
    """Nothing at the first look: there is nothing to compare with."""
    code = """
        import time
        input(); print(flush=True)
        input()
        while time.process_time() < 0.2:
            pass
        print(flush=True)
        input()
    """
    with process(code) as child:
        gauge = Gauge(child.pid)
        step(child)
        assert gauge.sample(descendants=False).cpu_percent == 0.0
        step(child)
        assert 0.0 < gauge.sample(descendants=False).cpu_percent <= 110.0


def test_a_process_that_is_gone_weighs_nothing() -> None:
    """Reaped or a zombie, with or without descendants."""
    with process("pass") as child:
        gauge = Gauge(child.pid)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert gauge.sample(descendants=False).rss_bytes == 0
    for descendants in (False, True):
        assert gauge.sample(descendants=descendants) == Vitals(0, 0.0)
