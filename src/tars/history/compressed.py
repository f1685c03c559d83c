"""Read a log that was compressed with zstd, as Codex does with those of threads that rest.

Python can do that from 3.14 on; before, the program `zstd` does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

from tars.history.lines import Line, Window, streamed


class CannotDecompress(Exception):
    """A sentence that says why."""


def windows(path: str) -> Iterator[Window | Line]:
    """Give the lines of a compressed file, as `lines.windows` does; offsets are those of what
    was compressed.

    Raises OSError when the file cannot be opened or read, and CannotDecompress.
    """
    # It is opened here, so that a missing or forbidden one is the same error as ever.
    with open(path, "rb", buffering=0) as file, _decompressed(file.fileno()) as read:
        yield from streamed(read)


@contextmanager
def _decompressed(fd: int) -> Iterator[Callable[[memoryview], int]]:
    try:
        zstd = import_module("compression.zstd")
    except ImportError:
        with _by_program(fd) as read:
            yield read
        return
    try:
        with open(fd, "rb", closefd=False) as file, zstd.ZstdFile(file) as unpacked:
            yield unpacked.readinto
    except (zstd.ZstdError, EOFError) as error:
        raise CannotDecompress("It is damaged: it cannot be decompressed.") from error


@contextmanager
def _by_program(fd: int) -> Iterator[Callable[[memoryview], int]]:
    # A tenth of what a report takes in all, and hardly any log is compressed.
    import shutil
    import subprocess

    program = shutil.which("zstd")
    if program is None:
        raise CannotDecompress("It is compressed: install zstd, or use Python 3.14, to read it.")
    with subprocess.Popen(
        [program, "-dcq"], stdin=fd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readinto  # type: ignore[attr-defined]
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise CannotDecompress("It is damaged: it cannot be decompressed.")
