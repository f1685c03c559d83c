"""The agent CLIs that tars knows, by name. A package is imported when it is looked up."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from tars.agents.kind import Kind

#: Where each kind's class is: a package, and the name of the class in its `kind` module.
_CLASSES = {
    "gemini": "Gemini",
    "claude": "Claude",
    "codex": "Codex",
    "opencode": "Opencode",
    "echo": "Echo",
    "acp": "AcpAgent",
    "pty": "Pty",
}


class _Registry(Mapping[str, Kind]):
    """One `Kind` of each name, made at its first look-up."""

    def __init__(self) -> None:
        self._made: dict[str, Kind] = {}

    def __getitem__(self, name: str) -> Kind:
        if name not in self._made and name in _CLASSES:
            module = import_module(f"tars.agents.{name}.kind")
            self._made[name] = getattr(module, _CLASSES[name])()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        # Mapping's own would import the package to find out.
        return name in _CLASSES

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


KINDS: Mapping[str, Kind] = _Registry()
