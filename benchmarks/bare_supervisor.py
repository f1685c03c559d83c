"""The least that can restart a child: asyncio and a pidfd. `python bare_supervisor.py SCRIPT…`."""

import asyncio
import os
import subprocess
import sys


async def keep_alive(script: str) -> None:
    loop = asyncio.get_running_loop()
    while True:
        process = subprocess.Popen([script], stdin=subprocess.DEVNULL, start_new_session=True)
        pidfd = os.pidfd_open(process.pid)
        ended = asyncio.Event()
        loop.add_reader(pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
        process.wait()


async def main() -> None:
    await asyncio.gather(*(keep_alive(script) for script in sys.argv[1:]))


if __name__ == "__main__":
    asyncio.run(main())
