"""Where a prompt goes: which agent's, and which conversation of it.

What is named is looked up; what names nothing goes to the newest conversation of its
project, be it one that a prompt before it is yet to begin.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tars.config import Config
from tars.control.contract import PromptRequest
from tars.daemon.asking import ask
from tars.daemon.session_files import SessionFiles
from tars.errors import NameInvalid, RequestInvalid, SessionNotFound, StoreError
from tars.runtime.destinations import keys, name_key, project_key
from tars.runtime.loop import Loop
from tars.runtime.recorder import Recorder
from tars.store.rows import Wishes

if TYPE_CHECKING:
    from tars.store.store import Store

#: What may be noted of a session by its prompts.
MOST_TAGS = 50
MOST_METADATA = 50
LONGEST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Route:
    """`session` None is the current one, or a new one where the wishes say so."""

    agent: str
    session: str | None
    wishes: Wishes


class Routing:
    """Finds the way of every prompt that is asked for. It changes nothing that is running.
    `_last` is by agent the session that a prompt of a project went to, so that the next one of
    the same project need not wait for the store."""

    def __init__(self, loop: Loop, recorder: Recorder, files: SessionFiles) -> None:
        self._loop = loop
        self._recorder = recorder
        self._files = files
        self._last: dict[str, tuple[str, str]] = {}

    async def route(self, request: PromptRequest, config: Config) -> Route:
        """Say where a prompt goes. Raises UserError, and StoreError."""
        wishes = _wishes(request)
        if request.session is not None:
            return await self._to(request.session, request.agent, wishes, config)
        if not config.sessions.enabled and (wishes.name is not None or wishes.tags):
            raise RequestInvalid(
                "No session is remembered that could have a name or tags.",
                advice="`[sessions] enabled = true` in config.toml lets tars remember them.",
            )
        agent = request.agent or config.default_agent
        self._loop.agent(agent)
        if wishes.name is not None:
            return await self._by_name(wishes.name, agent, request.agent, wishes)
        by_project = config.sessions.enabled and config.sessions.per_project
        if wishes.new or not (by_project and wishes.project):
            return Route(agent, None, wishes)
        return await self._by_project(agent, wishes)

    async def _to(self, word: str, agent: str | None, wishes: Wishes, config: Config) -> Route:
        """Find the session that a word means, and bring its figures to mind."""
        here = agent or config.default_agent
        self._loop.agent(here)
        if not self._files.has(here, word):
            here, found = await ask(self._recorder, partial(_named, word=word, agent=agent))
            self._loop.agent(here)
        else:
            found = word
        await self._check_name(wishes, found)
        if not await self._files.recall(here, found):
            raise SessionNotFound(f"The agent {here} had no session {found!r} under tars.")
        self._recorder.put(partial(_come_back, agent=here, session=found))
        return Route(here, found, wishes)

    async def _check_name(self, wishes: Wishes, session: str | None) -> None:
        """Refuse a name that another session has, or is about to have."""
        if wishes.name is None:
            return
        holder = await self._recorder.ask(partial(_holder, name=wishes.name))
        taken = holder is not None and holder[1] != session
        waits = any(p.wishes.new and p.wishes.name == wishes.name for p in self._loop.prompts)
        if taken or (session is None and waits):
            raise NameInvalid(
                f'"{wishes.name}" is the name of another session already.',
                advice="Leave `--new` out to go on with that one, or take another name.",
            )

    async def _by_name(self, name: str, agent: str, asked: str | None, wishes: Wishes) -> Route:
        if wishes.new:
            await self._check_name(wishes, None)
            return Route(agent, None, wishes)
        holder = await self._recorder.ask(partial(_holder, name=name))
        if holder is not None and asked not in (None, holder[0]):
            raise NameInvalid(f'"{name}" is the name of a session of the agent {holder[0]}.')
        if holder is not None:
            here, session = holder
            self._loop.agent(here)
            await self._files.recall(here, session)
            self._recorder.put(partial(_come_back, agent=here, session=session))
            return Route(here, session, wishes)
        return self._joining(agent, name_key(name), None, wishes)

    async def _by_project(self, agent: str, wishes: Wishes) -> Route:
        driver, project = self._loop.drivers[agent], wishes.project
        current = driver.session_id
        if current is not None and self._last.get(agent) == (current, project):
            # Nothing was in use later, and what is current is neither archived nor deleted.
            return self._joining(agent, project_key(project), current, wishes)
        if current is not None and self._is_claimed(agent, current, project):
            current = None
        pick = partial(picked, agent=agent, key=project_key(project), current=current)
        try:
            session = await self._recorder.ask(pick)
        except StoreError:
            # Which conversations the project has nobody can say now; the prompt is taken.
            return Route(agent, None, wishes)
        if session != driver.session_id and not driver.kind.knowledge(driver.setup.protocol).resume:
            session = None  # it cannot be gone back to
        if session is not None:
            self._last[agent] = session, project
            await self._files.recall(agent, session)
        return self._joining(agent, project_key(project), session, wishes)

    def _joining(self, agent: str, key: str, session: str | None, wishes: Wishes) -> Route:
        """Go to this session, or to the one that prompts which wait are to begin."""
        waiting = [p.wishes for p in self._loop.prompts if p.agent == agent]
        if not any(key in keys(wishes) for wishes in waiting):
            self._loop.drivers[agent].destinations.forget(key)
        new = session is None
        return Route(agent, session, replace(wishes, new=new, joins=key))

    def _is_claimed(self, agent: str, current: str, project: str) -> bool:
        """Whether a prompt of another project is on its way to the current session."""
        return any(
            p.agent == agent and p.session in (None, current) and not p.wishes.new
            for p in self._loop.prompts
            if p.wishes.project not in ("", project)
        )


def picked(store: "Store", *, agent: str, key: str, current: str | None = None) -> str | None:
    """Give the conversation that a prompt with this key joins, or None where it begins one."""
    from tars.store import picking

    kind, _, word = key.partition(":")
    with store.reading("read the sessions") as connection:
        if kind == "name":
            holder = picking.of_name(connection, store.machine, word)
            return holder[1] if holder is not None and holder[0] == agent else None
        found = picking.of_project(connection, store.machine, agent, word)
        if found is not None or current is None:
            return found
        unclaimed = picking.is_of_no_project(connection, store.machine, agent, current)
        return current if unclaimed else None


def _named(store: "Store", *, word: str, agent: str | None) -> tuple[str, str]:
    """Give the agent and the id of this machine's session that a word means."""
    from tars.sessions.references import resolve_in
    from tars.store import finding

    with store.reading("read the sessions") as connection:
        here = store.machine
        try:
            found = resolve_in(connection, here, word, agent=agent)
        except SessionNotFound:
            if agent is None:
                raise
            other = resolve_in(connection, here, word).agent
            message = f"The session {word!r} is one of the agent {other}, not of {agent}."
            raise SessionNotFound(message, advice="Leave `--agent` out to go on with it.") from None
        if not finding.of_machine(connection, here, [found.seq]):
            raise SessionNotFound(
                f"The session {found.id} is on the machine {found.machine}.",
                advice="Its own tars alone can go on with it.",
            )
        return found.agent, found.id


def _holder(store: "Store", *, name: str) -> tuple[str, str] | None:
    from tars.store import picking

    with store.reading("read the sessions") as connection:
        return picking.of_name(connection, store.machine, name)


def _come_back(store: "Store", *, agent: str, session: str) -> None:
    from tars.store import picking

    with store.writing("go back to the session") as connection:
        picking.come_back(connection, store.machine, agent, session)


def _wishes(request: PromptRequest) -> Wishes:
    """Read what a prompt asks for beyond its text. Raises RequestInvalid and NameInvalid."""
    _refuse_contradictions(request)
    # Only a prompt that says something of its session pays for the import.
    if request.name is not None or request.task is not None or request.tags:
        from tars.sessions.managing import check_tag
        from tars.sessions.names import check_name

        name = None if request.name is None else check_name(request.name)
        task = None if request.task is None else check_name(request.task, of="a task")
        tags = tuple(dict.fromkeys(map(check_tag, request.tags)))
    else:
        name = task = None
        tags = ()
    if len(tags) > MOST_TAGS or len(request.metadata) > MOST_METADATA:
        raise RequestInvalid(f"A prompt has at most {MOST_TAGS} tags and pieces of metadata each.")
    texts = (request.project, request.branch, *request.metadata, *request.metadata.values())
    if any(len(text) > LONGEST_TEXT or "\0" in text for text in texts):
        raise RequestInvalid(f"`project`, `branch`, `metadata`: at most {LONGEST_TEXT} characters.")
    return Wishes(
        new=request.new or not request.record,
        unrecorded=not request.record,
        name=name,
        project=request.project,
        branch=request.branch,
        task=task,
        tags=tags,
        metadata=request.metadata,
        over_budget=request.despite_budget,
    )


def _refuse_contradictions(request: PromptRequest) -> None:
    if request.new and request.session is not None:
        raise RequestInvalid("`new` and `session` exclude each other.")
    named = request.session is not None or request.name is not None or request.tags
    if not request.record and named:
        raise RequestInvalid("Of a session that is not recorded nothing can be named or noted.")
