"""What the agent waits for, put to the editor: each permission once, and taken back when
somebody else was quicker."""

from collections.abc import Callable

from tars.control.contract import PermissionStatus
from tars.editor import words
from tars.editor.wire import Json

#: Sends a request of ours and gives its id; sends a notification.
Send = Callable[[str, Json], int]
Tell = Callable[[str, Json], None]


class Questions:
    """`asked` maps our requests that the editor has not answered to tars' permissions."""

    def __init__(self, send: Send, tell: Tell) -> None:
        self.asked: dict[int, str] = {}
        self._send = send
        self._tell = tell
        self._known: set[str] = set()

    def look(self, waiting: list[PermissionStatus], session: str) -> None:
        """Take what waits now, in this session of the editor's."""
        ids = {permission.id for permission in waiting}
        for permission in waiting:
            if permission.id not in self._known:
                params = words.permission(permission, session)
                self.asked[self._send("session/request_permission", params)] = permission.id
        for request, permission_id in list(self.asked.items()):
            if permission_id not in ids:
                # Somebody else answered, or its time is over.
                del self.asked[request]
                self._tell("$/cancel_request", {"requestId": request})
        self._known = ids

    def answered(self, request: object, result: Json | None) -> tuple[str, str] | None:
        """Give the permission and the option that the editor chose, if it did."""
        if not isinstance(request, int):
            return None
        permission = self.asked.pop(request, None)
        outcome = (result or {}).get("outcome")
        if permission is None or not isinstance(outcome, dict):
            return None
        option = outcome.get("optionId")
        if outcome.get("outcome") == "selected" and isinstance(option, str):
            return permission, option
        # An editor that cannot ask, or did not, leaves it to others and to the time-out.
        return None
