"""Another model or mode for a process that runs, where its protocol can do that."""

from dataclasses import replace

from tars.agents.kind import Setup
from tars.protocols.codec import Choosing, Offered
from tars.runtime.channel import Channel


def offered(channel: Channel | None) -> Offered | None:
    """Give what the agent said that can be chosen; None where it does not say, or does not run."""
    codec = None if channel is None else channel.codec
    return codec.offered if isinstance(codec, Choosing) else None


def chosen(channel: Channel | None, before: Setup, after: Setup) -> bool:
    """Have what follows answered as the new setup says. False where that takes another process:
    more than model and mode are other ones, or its protocol cannot."""
    codec = None if channel is None else channel.codec
    same = replace(before, model=after.model, mode=after.mode, env=after.env) == after
    return (
        same
        and before.env == after.env
        and isinstance(codec, Choosing)
        and codec.choose(after.model, after.mode)
    )
