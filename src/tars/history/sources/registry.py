"""The kinds of logs that tars reads. Each has two modules in this folder: one named for its agent,
with its source as `SOURCE`, which finds them, and `<agent>_log`, which reads them. A look at logs
that have not changed takes less time than to import what reads them: each is imported when it is
first needed."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from tars.config_costs import LOG_AGENTS
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading, Source


class _Lazy:
    """A source that imports its module when it is first asked."""

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self._loaded: Source | None = None

    @property
    def newest_wins(self) -> bool:
        return self._source.newest_wins

    @property
    def note(self) -> str:
        return self._source.note

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        return self._source.roots(env, home)

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        return self._source.find(root, folders)

    def read(self, found: Found, mark: Mark) -> Reading:
        return self._source.read(found, mark)

    def resumable(self, found: Found) -> bool:
        return self._source.resumable(found)

    @property
    def _source(self) -> Source:
        if self._loaded is None:
            module = import_module(f"tars.history.sources.{self.agent}")
            loaded: Source = module.SOURCE
            self._loaded = loaded
        return self._loaded


SOURCES: tuple[Source, ...] = tuple(map(_Lazy, LOG_AGENTS))


def load_readers(agents: Iterable[str]) -> None:
    """Import what reads the logs of these agents: a fork after it need not do so again."""
    for agent in set(agents) & {*LOG_AGENTS}:
        import_module(f"tars.history.sources.{agent}_log")
