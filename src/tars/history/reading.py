"""Read one file on: from where the last reading ended if it still begins as it did, else anew."""

import os
from contextlib import suppress

from tars.history.keys import blake2b
from tars.history.packing import FileRow, Packed, Packer
from tars.history.source import HEAD, Found, Job, Mark, Reading, Source


def read_on(jobs: list[Job], packed: Packed) -> list[Job]:
    """Give what is left to read of files that have more than was read at once."""
    rows = {row.path: row for row in packed.files if row.size < 0 and not row.problem}
    return [
        Job(job.found, job.found.inode, row.offset, row.state, row.head)
        for job in jobs
        if (row := rows.get(job.found.path)) is not None
    ]


def read_all(source: Source, jobs: list[Job], *, latest: int) -> Packed:
    """Read files of one source. `latest` is the time that nothing should be later than."""
    packer = Packer(source.agent, newest_wins=source.newest_wins)
    for job in jobs:
        # One that has just vanished is nobody's problem: the next look will find it gone.
        with suppress(FileNotFoundError):
            row, reading = _read(source, job)
            packer.add(row, reading, latest=latest)
    return packer.packed()


def _read(source: Source, job: Job) -> tuple[FileRow, Reading]:
    try:
        resumable = source.resumable(job.found)
        head, mark = _begin(job) if resumable and job.offset else (b"", Mark())
        reading = source.read(job.found, mark)
        if resumable and not head:
            head = _checksum(reading.start or _start(job.found.path))
    except FileNotFoundError:
        raise
    except OSError as error:
        # Rights change without a trace in size and time: such a file is tried every time.
        found = job.found._replace(inode=job.inode, size=-1)
        return _failed(job, found, error.strerror or str(error)), Reading(Mark())
    # Whatever a file has in it that its source never saw before, the other files are counted.
    except Exception as error:
        problem = f"what is in it cannot be understood ({type(error).__name__})"
        return _failed(job, job.found, problem), Reading(Mark())
    mark_now, found = reading.mark, job.found
    # One that has more is not as it was read: if nobody reads on, the next look finds it again.
    size = -1 if reading.more else found.size
    row = FileRow(
        found.path,
        found.inode,
        size,
        found.mtime,
        mark_now.offset,
        head,
        mark_now.state,
        reading.garbled,
        0,
        reading.problem,
        mark.offset == 0,
    )
    return row, reading


def _begin(job: Job) -> tuple[bytes, Mark]:
    """Give the checksum of a file's beginning, and the mark from which to read on."""
    found = job.found
    start = _start(found.path)
    length = int.from_bytes(job.head[:2], "little")
    same = job.inode == found.inode and job.offset <= found.size
    if same and len(start) >= length and _checksum(start[:length]) == job.head:
        return _checksum(start), Mark(job.offset, job.state)
    return b"", Mark()


def _checksum(start: bytes) -> bytes:
    return len(start).to_bytes(2, "little") + blake2b(start, digest_size=8).digest()


def _start(path: str) -> bytes:
    # Without O_NONBLOCK, a pipe that took the file's place would be waited for.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(file, HEAD)
    finally:
        os.close(file)


def _failed(job: Job, found: Found, problem: str) -> FileRow:
    return FileRow(*found, job.offset, job.head, job.state, problem=problem)
