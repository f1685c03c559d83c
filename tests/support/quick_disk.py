"""Where tests write: in memory, where that will do. A disk makes every commit wait, and there are
tens of thousands of them."""

import os
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
#: What all tests together may come to, many times over, in bytes.
ROOM = 2 * 1024**3


def quick_folder(*, programs: bool = True, room: int = ROOM) -> str | None:
    """Give a folder in memory that has so much room, or None; `programs` are to be run there.

    A container's is small, and nothing may be run there.
    """
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    if programs and found.f_flag & os.ST_NOEXEC:
        return None
    if min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available) < room:
        return None
    return str(MEMORY) if os.access(MEMORY, os.W_OK | os.X_OK) else None
