"""Tars keeps a coding agent alive, counts every token, and remembers every session.

From Python::

    import tars

    answer = tars.Agent().chat("What does this folder hold?")
    print(answer.text, answer.usage.output_tokens)

`docs/python.md` shows the rest. The public names are loaded when they are first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    # For type checkers alone: `tars status` pays for every import.
    from tars import errors as errors
    from tars.api.agent import Agent as Agent
    from tars.api.agent import AsyncAgent as AsyncAgent
    from tars.api.async_client import AsyncClient as AsyncClient
    from tars.api.async_client import EventStream as EventStream
    from tars.api.client import Client as Client
    from tars.api.client import Event as Event
    from tars.api.sessions import AgentSession as AgentSession
    from tars.api.sessions import Message as Message
    from tars.api.sessions import SessionLibrary as SessionLibrary
    from tars.errors import TarsError as TarsError

__version__ = "0.1.0"
__all__ = [
    "Agent",
    "AgentSession",
    "AsyncAgent",
    "AsyncClient",
    "Client",
    "Event",
    "EventStream",
    "Message",
    "SessionLibrary",
    "TarsError",
    "errors",
]

_PUBLIC = {
    "Agent": "tars.api.agent",
    "AgentSession": "tars.api.sessions",
    "AsyncAgent": "tars.api.agent",
    "AsyncClient": "tars.api.async_client",
    "Client": "tars.api.client",
    "Event": "tars.api.client",
    "EventStream": "tars.api.async_client",
    "Message": "tars.api.sessions",
    "SessionLibrary": "tars.api.sessions",
    "TarsError": "tars.errors",
}


if not TYPE_CHECKING:  # a name that there is not is a fault that a type checker finds

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "errors":
            return import_module("tars.errors")
        module = _PUBLIC.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(module), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
