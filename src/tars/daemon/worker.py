"""A thread of its own, for what would hold up the loop: one thing after the other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """Runs functions in one thread, which begins when it is first needed. What is under way when
    nobody waits for it any more goes on to its end: let nothing take long. On asyncio only."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """Run it in its turn; give its result, or raise its error."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def submit(self, work: Callable[[], object]) -> None:
        """Run it in its turn. Nobody hears of its result, or of its error."""
        self._threads.submit(work)

    def close(self, last: Callable[[], object]) -> None:
        """Run nothing any more but this, after what is under way. Waits for nothing."""
        self._threads.submit(last)
        self._threads.shutdown(wait=False)
