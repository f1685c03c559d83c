"""What the usage that an agent reports over ACP means: it depends on the agent."""

from enum import StrEnum


class UsageRule(StrEnum):
    """How the `usage` of a prompt's answer is to be read.

    `per_turn`: what the turn used. `cumulative`: what the process used so far. `last_step`:
    the turn's last model request alone. `per_call`: nothing there, but every call's usage
    comes in an update. `none`: the agent does not count. `detect`: nobody has measured this
    agent; its figures decide, or are marked as unknown.
    """

    PER_TURN = "per_turn"
    CUMULATIVE = "cumulative"
    LAST_STEP = "last_step"
    PER_CALL = "per_call"
    NONE = "none"
    DETECT = "detect"
