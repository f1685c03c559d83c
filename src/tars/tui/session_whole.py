"""What is asked of the daemon to show one session as a whole."""

from collections.abc import Sequence

from tars.control.client import Client
from tars.control.costs_contract import CostReport
from tars.control.session_contract import SessionTurn
from tars.errors import NotRunning, TarsError
from tars.tui.link import Link, sentence
from tars.tui.session_summary import Whole

#: How many turns come at once, and how many are shown at all.
TURNS, MOST_TURNS = 100, 1_000


async def asked_whole(link: Link, before: Whole) -> Whole:
    """Ask how a session stands now; older turns that are here stay. Raises TarsError."""
    session = before.session

    def ask(client: Client) -> Whole:
        told = client.summary(session.id, agent=session.agent, limit=TURNS)
        costs, problem = before.costs, ""
        if costs is None or told.session.spent != session.spent:
            costs, problem = _costs(client, session.id)
        newest = min((turn.number for turn in told.turns), default=0)
        older = [turn for turn in before.turns if turn.number < newest]
        return Whole(
            told.session,
            [*told.turns, *older],
            told.total_turns,
            told.tools,
            told.files,
            told.changed_files,
            costs,
            is_told=True,
            problem=problem,
        )

    return await link.ask(ask)


async def older_turns(link: Link, whole: Whole) -> Sequence[SessionTurn]:
    """Ask for turns before those that are here. Raises TarsError."""
    session, after = whole.session, len(whole.turns)
    if after >= MOST_TURNS:
        return []
    told = await link.ask(
        lambda client: client.summary(session.id, agent=session.agent, after=after, limit=TURNS)
    )
    return told.turns


def _costs(client: Client, session: str) -> tuple[CostReport | None, str]:
    """Give what each model cost, or why nobody can tell: the rest is shown all the same."""
    try:
        return client.costs(report="by-model", range="all", session=session), ""
    except NotRunning:
        raise
    except TarsError as error:
        return None, sentence(error)
