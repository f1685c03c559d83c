"""What a kind of log is to the index: where its files are, and the requests that are in them.

A source knows its agent's format and nothing of the index; the index knows no format. What a
source gives is the same however its files are cut into readings: reading a file at once, or line
by line as it grows, ends in the same requests.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from tars.history.folders import Folders

#: How much of a file's beginning tells whether it is still the same one.
HEAD = 1024
#: Nothing can have happened later than so many milliseconds after now, by any clock.
TOMORROW = 86_400_000
#: With so many requests, a reading of a log that only grows ends, and says that there are more.
ENOUGH = 10_000


class Request(NamedTuple):
    """One request to a model, as a log tells it. The token counts are disjoint, as `Tokens` are.

    `key` is what identifies it among all that its agent ever logged; of several rows with one key
    one counts: that with the highest `rank`, and of equal ranks what the source's `newest_wins`
    says; where that says no, it is the row that happened earlier, and then the one that was read
    first. A request happened when the earliest of its rows says, but for those with a rank below
    0: these are copies that have the time when they were made. A key that begins with `session`
    and a bar is taken for that of the conversation that `session` goes back to (`Reading.forks`),
    as soon as that is known. `session` is the agent's own id of its conversation. `at` is in
    milliseconds since 1970 in UTC; a time before 1970 or after 2100 counts as the file's own.
    `project` is the folder that the agent worked in, and `branch` its git branch.
    `provider` is who was asked (`anthropic`, `openai`, `google` …); it, `project` and `branch`
    are empty where the log does not say. `cost` is what the agent itself says that it cost, in
    picodollars, or None. `sidechain`: a subagent made it. Where the log has several requests only
    as one sum, `requests` is how many they are, or 0 where it does not say.
    """

    key: str
    session: str
    at: int
    model: str
    net_input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    provider: str = ""
    project: str = ""
    branch: str = ""
    rank: int = 0
    cost: int | None = None
    sidechain: bool = False
    requests: int = 1


#: All fields of a request, and what makes one of them: in a third of the time, which was 2 % of
#: that of a first index.
_Fields = tuple[
    *tuple[str, str, int, str],
    *tuple[int, int, int, int, int, int],
    *tuple[str, str, str, int, int | None, bool, int],
]
request_of: Callable[[_Fields], Request] = partial(tuple.__new__, Request)


class Found(NamedTuple):
    """A file as it is now: `mtime` in nanoseconds."""

    path: str
    inode: int
    size: int
    mtime: int


class Job(NamedTuple):
    """A file to read, and what is known of it: `offset`, `state` and `head` are as in `files`."""

    found: Found
    inode: int = 0
    offset: int = 0
    state: bytes = b""
    head: bytes = b""

    @property
    def to_read(self) -> int:
        """How much is probably to be read."""
        left = self.found.size - self.offset
        return left if left >= 0 else self.found.size


class Mark(NamedTuple):
    """How far a file has been read: the bytes before `offset` are done, whole lines all of them.
    `state` is whatever the source wants back for the rest, as bytes (JSON), bounded in size."""

    offset: int = 0
    state: bytes = b""


class Limit(NamedTuple):
    """A limit of the account, as the agent's server told it: `used` is a share from 0 to 1,
    `window_minutes` its length, or 0 where that is not said; `resets_at` and `at`, when this was
    told, are in milliseconds since 1970."""

    agent: str
    name: str
    used: float
    window_minutes: int
    resets_at: int | None
    at: int
    plan: str = ""


@dataclass(slots=True)
class Reading:
    """What one reading of a file brought. `mark` is where the next one begins. `garbled` counts
    lines that look like they had figures and could not be read. `problem` is a sentence about a
    file that could not be read at all, or empty. `forks` are conversations that go on from
    another one: child and parent. `titles` are what sessions are called in the log.
    `limits` has the newest of each name. `start`: the first bytes of the file, `HEAD` at most, if
    they were read. `more`: a reading need not go to the end of a file that
    has a great many requests; the next one goes on from its mark."""

    mark: Mark
    requests: list[Request] = field(default_factory=list)
    garbled: int = 0
    problem: str = ""
    forks: list[tuple[str, str]] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    start: bytes = b""
    more: bool = False


class Source(Protocol):
    """The logs of one agent. Everything here is synchronous and may be called in any process."""

    @property
    def agent(self) -> str:
        """The agent's name: `claude`, `codex`, `gemini` …, the same as its kind's."""

    @property
    def newest_wins(self) -> bool:
        """Of two rows with one key and one rank: whether the one that was read later counts."""

    @property
    def note(self) -> str:
        """One sentence on what these logs do not tell, or empty."""

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        """Give the folders or files where this agent's logs are, or would be, for a person with
        this environment and home folder."""

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        """Give the logs below a root. A loop of links ends; what cannot be read is left out.
        `folders` are those below this root, of which not all have to be listed.

        Raises OSError when the root itself is there and cannot be read.
        """

    def read(self, found: Found, mark: Mark) -> Reading:
        """Read a file on from a mark, to its last whole line. Memory is bounded, whatever the
        length of a line. Raises OSError when the file cannot be opened or read."""

    def resumable(self, found: Found) -> bool:
        """Whether such a file only ever grows, so that it can be read on from a mark. Others are
        read anew, from an empty mark, whenever they have changed."""
