"""How a permission is answered from any view: the dialog, then the daemon."""

from tars.control.contract import PermissionStatus
from tars.tui.dialogs import Permission
from tars.tui.pane import Pane

#: Who answers, as the daemon's log and events name it.
FACE = "tui"


def answer(pane: Pane, asked: PermissionStatus) -> None:
    """Ask a person, and tell the agent; nothing is told where it is left open."""
    pane.run_worker(_answer(pane, asked), group="permit", exclusive=True)


async def _answer(pane: Pane, asked: PermissionStatus) -> None:
    chosen = await pane.app.push_screen_wait(Permission(asked))
    if chosen is None:
        return
    option, remember = chosen
    await pane.attempt(
        lambda client: client.permit(asked.id, option=option, remember=remember, face=FACE)
    )
