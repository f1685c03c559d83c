"""A command under guard: run with the terminal that we have, watched, and ended when it has to be.

The main thread waits for the command. Another one looks about each second at what agents in this
folder wrote into their logs. The command is in our own process group, so that the terminal's keys
reach it as they always do; what is sent to us alone is passed on.
"""

import ctypes
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

import psutil

from tars.accounting.budget import Action, Budget, Spent, Standing, dollars, judge, uncounted, used
from tars.cli import exit_codes
from tars.cli.connection import say
from tars.cli.render import one_line
from tars.costs.facts import Only
from tars.errors import TarsError, UserError
from tars.home import find_home
from tars.sessions.ranges import Span, find_span

if TYPE_CHECKING:
    from tars.costs.engine import Costs

#: How long it is from one look to the next, and from one look for who is gone to the next.
LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
#: How long the last look may take once the command is over.
_LAST_SECONDS = 10.0
#: SIGKILL is obeyed, but not by a process that is stuck in the kernel.
_KILL_SECONDS = 2.0

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37

#: What is passed on whenever we get it; and what the terminal sends to everybody itself.
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


class Guard:
    """One command's. `word` names the span that counts, or is empty for the time of the run.
    Raises UserError where there is no folder to look at."""

    def __init__(
        self, budget: Budget, word: str, grace: float, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._budget = budget
        self._word = word
        self._grace = grace
        self._look_seconds = look_seconds
        self._folder = _folder()
        self._child: subprocess.Popen[bytes] | None = None
        self._others: list[psutil.Process] = []
        self._family: dict[int, psutil.Process] = {}
        self._over = threading.Event()
        self._ended = False
        self._spent = Spent()
        self._told = Standing.FINE
        self._said: set[str] = set()

    def run(self, command: Sequence[str]) -> int:
        """Run the command to its end, and give the exit status."""
        began = datetime.now(UTC)
        self._others = psutil.Process().children()
        with _terminal_kept(), _adopting(), self._signals():
            try:
                self._child = subprocess.Popen(command)
            except OSError as error:
                say(f"tars: {one_line(command[0])} cannot be run: {error.strerror}.")
                found = not isinstance(error, FileNotFoundError)
                return exit_codes.NOT_RUNNABLE if found else exit_codes.NOT_FOUND
            watching = threading.Thread(target=self._watch, args=(began,), daemon=True)
            watching.start()
            status = self._child.wait()
            self._over.set()
            watching.join(self._ending_seconds if self._ended else _LAST_SECONDS)
        self._summary(datetime.now(UTC) - began)
        if self._ended:
            return exit_codes.REFUSED
        return status if status >= 0 else 128 - status

    # --- watching -----------------------------------------------------------

    def _watch(self, began: datetime) -> None:
        """Look until the command is over, and once more then. What cannot be read is told, and
        the command goes on."""
        from tars import config_costs
        from tars.costs.engine import Costs

        try:
            if not config_costs.read(find_home()).history.enabled:
                self._tell("no logs are read: config.toml has `enabled = false` in `[history]`.")
            with Costs.open(find_home(), env=os.environ) as costs:
                while not self._over.wait(self._look_seconds):
                    self._look(costs, began)
                    if self._told is Standing.OVER and self._budget.action is Action.KILL:
                        self._end()
                self._look(costs, began)
        except (TarsError, OSError) as error:
            advice = getattr(error, "advice", "")
            self._tell(f"what is spent is not known any more: {error} {advice}".rstrip())

    def _look(self, costs: "Costs", began: datetime) -> None:
        self._note_family()
        for problem in costs.refresh():
            self._tell(problem)
        span = Span(began)
        if self._word:
            span = find_span(self._word, costs.zone, datetime.now(UTC))
        report = costs.report((), span=span, only=Only(project=self._folder))
        for problem in report.problems:
            self._tell(problem)
        total = report.total
        self._spent = Spent(total.cost, total.tokens.total, total.unpriced)
        verdict = judge(self._budget, self._spent)
        if self._spent.unpriced and self._budget.max_tokens is None:
            self._say_once("unpriced", f"{uncounted(self._spent)} do not count in dollars.")
        if verdict.share < self._budget.warn_at:
            return
        order = list(Standing)
        if order.index(verdict.standing) > order.index(self._told):
            self._told = verdict.standing
            over = ", which is all of it" if verdict.standing is Standing.OVER else ""
            self._tell(f"{used(self._budget, self._spent)} used{over}.")

    def _say_once(self, key: str, text: str) -> None:
        if key not in self._said:
            self._said.add(key)
            say(f"tars guard: {one_line(text)}")

    def _tell(self, text: str) -> None:
        self._say_once(text, text)

    def _summary(self, took: Any) -> None:
        since = f"in {took.total_seconds():.0f} s" if not self._word else f"({self._word})"
        cost = dollars(self._spent.cost)
        more = f", and {uncounted(self._spent)}" if self._spent.unpriced else ""
        say(f"tars guard: {self._spent.tokens:,} tokens, {cost}{more} {since}.")

    # --- ending -------------------------------------------------------------

    @property
    def _ending_seconds(self) -> float:
        return 2 * self._grace + _KILL_SECONDS + _LAST_SECONDS

    def _end(self) -> None:
        """End the command and all that descends from it, each time harder."""
        self._ended = True
        self._tell("the command is ended.")
        for number, seconds in (
            (signal.SIGINT, self._grace),
            (signal.SIGTERM, self._grace),
            (signal.SIGKILL, _KILL_SECONDS),
        ):
            self._note_family()
            for process in self._alive():
                with suppress(psutil.Error):
                    process.send_signal(number)
            if self._gone_within(seconds):
                break
        self._note_family()

    def _gone_within(self, seconds: float) -> bool:
        pause = threading.Event()
        for _ in range(max(1, round(seconds / _PAUSE_SECONDS))):
            if not self._alive():
                return True
            pause.wait(_PAUSE_SECONDS)
        return not self._alive()

    def _note_family(self) -> None:
        """Remember who descends from the command. Whoever lost its parent came to us, to be reaped,
        too."""
        assert self._child is not None, "it is watched once it runs"
        with suppress(psutil.Error):
            for process in psutil.Process().children():
                if process in self._others:
                    continue
                if process.pid != self._child.pid and not _runs(process):
                    _reap(process.pid)
                    continue
                known = [process, *process.children(recursive=True)]
                self._family |= {each.pid: each for each in known}

    def _alive(self) -> list[psutil.Process]:
        return [process for process in self._family.values() if _runs(process)]

    # --- signals ------------------------------------------------------------

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Pass on what is sent to us alone. What is ignored (a job of `nohup`) stays ignored."""
        numbers = [*_PASSED_ON, *_OF_THE_TERMINAL]
        heeded = [n for n in numbers if signal.getsignal(n) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._heed) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        child = self._child
        if child is None or (number in _OF_THE_TERMINAL and _has_terminal()):
            return  # the command has it from the terminal
        with suppress(ProcessLookupError):
            child.send_signal(number)


@contextmanager
def _adopting() -> Iterator[None]:
    """Let those below us who lose their parent become our children, where Linux does that."""
    if sys.platform != "linux":
        yield
        return
    prctl, before = ctypes.CDLL(None).prctl, ctypes.c_int()
    prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        raise UserError(
            "The folder that this was called in is not there any more.",
            advice="`cd` to one that is: what agents spend in it counts.",
        ) from None


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Leave the terminal as it was: a program that is killed cannot put it in order."""
    try:
        before = termios.tcgetattr(sys.stdin.fileno())
    except (AttributeError, ValueError, OSError, termios.error):
        yield
        return
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)
