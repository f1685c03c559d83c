"""What a remembered answer does to everything that waits, and what is refused."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest

from tars.control.permission_contract import ForgetRequest, PermitRequest
from tars.core import events as e
from tars.core.permission import Answerer, Rule
from tars.daemon.choices import Choices
from tars.daemon.permissions import Permissions
from tars.errors import AgentNotFound, PermissionNotFound, RequestInvalid, StoreError
from tars.runtime.recorder import Recorder
from tests.support.stage import Stage, play

T = TypeVar("T")


class AtOnce:
    """A recorder that does with files what it is told, on the spot. `broken` refuses."""

    def __init__(self) -> None:
        self.broken = False

    async def ask_file(self, work: Callable[[], T]) -> T:
        if self.broken:
            raise StoreError("The disk is full.")
        return work()


class Desk:
    """A stage with an agent that asks three times at once, and the desk that answers."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.recorder = AtOnce()
        self.choices = Choices(folder / "permissions.json")
        recorder = cast("Recorder", self.recorder)
        self.permissions = Permissions(stage.loop, recorder, self.choices)

    async def asked(self, *kinds: str) -> str:
        self.stage.add()
        await self.stage.start()
        requests = "; ".join(f"request r{n} {kind}" for n, kind in enumerate(kinds, 1))
        prompt = self.stage.prompt(f"{requests}; wait")
        await self.stage.until(lambda: len(self.stage.witness.questions) == len(kinds))
        return prompt

    def waiting(self) -> list[str]:
        return [p.request_id for p in self.stage.agent().permissions]

    async def over(self, prompt: str) -> None:
        self.stage.loop.send("one", e.CancelAsked(prompt))
        await self.stage.report(prompt)


def scene(play_it: Callable[[Desk], Awaitable[None]], folder: Path) -> None:
    async def on_stage(stage: Stage) -> None:
        await play_it(Desk(stage, folder))

    play(on_stage, folder)


def test_what_waits_for_the_same_answer_has_it_now(tmp_path: Path) -> None:
    """The request that was answered is a person's, its like are the choice's; others wait on."""

    async def act(desk: Desk) -> None:
        prompt = await desk.asked("edit", "edit", "read")
        wish = PermitRequest(remember=True)
        permitted = await desk.permissions.permit("p1", wish, "cli pid 7")
        assert (permitted.option, permitted.remembered) == ("yes", "edit")
        assert desk.waiting() == ["p3"]
        assert desk.stage.witness.answers == [
            ("edit", Answerer.PERSON),
            ("edit", Answerer.REMEMBERED),
        ]
        assert desk.stage.agent().spec.permissions.remembered == {"edit": Rule.ALLOW}
        await desk.permissions.permit("p3", PermitRequest(deny=True, remember=True), "web")
        rules = desk.permissions.rules("one").rules
        assert [(r.tool_kind, r.rule, r.source, r.by) for r in rules] == [
            ("default", "ask", "config", ""),
            ("edit", "allow", "remembered", "cli pid 7"),
            ("read", "deny", "remembered", "web"),
        ]
        gone = await desk.permissions.forget(ForgetRequest(agent="one", tool_kind="edit"))
        assert [r.tool_kind for r in gone.rules] == ["edit"]
        assert desk.stage.agent().spec.permissions.remembered == {"read": Rule.DENY}
        assert (await desk.permissions.forget(ForgetRequest(tool_kind="edit"))).rules == []
        await desk.over(prompt)

    scene(act, tmp_path)


def test_a_choice_that_cannot_be_kept_answers_nothing(tmp_path: Path) -> None:
    """A refusal changes nothing: the request still waits."""

    async def act(desk: Desk) -> None:
        prompt = await desk.asked("edit")
        desk.recorder.broken = True
        with pytest.raises(StoreError, match="full"):
            await desk.permissions.permit("p1", PermitRequest(remember=True), "")
        assert (desk.waiting(), desk.stage.witness.answers) == (["p1"], [])
        assert desk.stage.agent().spec.permissions.remembered == {}
        await desk.over(prompt)

    scene(act, tmp_path)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    """Nothing that waits, an option that is not offered, a kind that nobody can remember."""

    async def act(desk: Desk) -> None:
        prompt = await desk.asked("k" * 65)
        with pytest.raises(PermissionNotFound):
            await desk.permissions.permit("p9", PermitRequest(), "")
        with pytest.raises(RequestInvalid, match="none of the options"):
            await desk.permissions.permit("p1", PermitRequest(option="maybe"), "")
        with pytest.raises(RequestInvalid, match="cannot be remembered"):
            await desk.permissions.permit("p1", PermitRequest(remember=True), "")
        with pytest.raises(AgentNotFound):
            desk.permissions.rules("nobody")
        permitted = await desk.permissions.permit("p1", PermitRequest(option="reject_once"), "")
        assert permitted.option == "no"
        await desk.over(prompt)

    scene(act, tmp_path)
