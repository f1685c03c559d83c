"""What the libraries of a report import, and a report never asks for: 6 ms of it.

`dataclasses` imports `inspect`, with the compiler's tree and the tokenizer, for a signature that
nobody looks at, `urllib.parse` imports `ipaddress` for addresses of servers, and `msgspec`
`textwrap` for JSON schemas.
"""

import sys
from types import ModuleType

_SELDOM = ("inspect", "ipaddress", "textwrap")


class _Later(ModuleType):
    """Stands for a module that is imported as soon as anything of it is asked for."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(__import__(self.__name__), name)


def put_off() -> None:
    """Let what is seldom needed be imported when it is."""
    for name in _SELDOM:
        if name not in sys.modules:
            sys.modules[name] = _Later(name)
