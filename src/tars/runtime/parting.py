"""Letting a process go whose place another one has taken."""

import signal

import anyio

from tars.runtime.channel import Channel

#: How long it has to go by itself.
LEAVE_SECONDS = 5.0


async def see_off(channel: Channel) -> None:
    """End its stdin, and it itself where that does not."""
    channel.finish_input()
    with anyio.move_on_after(LEAVE_SECONDS):
        await channel.child.exited()
        return
    channel.child.signal_group(signal.SIGKILL)
