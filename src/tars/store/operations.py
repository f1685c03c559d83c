"""Writes as texts: the name of a method of the store, and its arguments as JSON.

The method's own annotations say what the arguments are. They are kept by name, so that a
later version of tars reads what an earlier one wrote, as long as new ones have defaults.
Python's `json` writes them, because an agent's words may hold half a surrogate pair.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_type_hints

import msgspec
from sqlalchemy.exc import DataError, IntegrityError

from tars.errors import StoreError


class Unfit(StoreError):
    """This write is one that no store of this version of tars takes, now or later."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A write that can be done later. The arguments hold prompts: they reach no log."""

    name: str
    arguments: str = field(repr=False)


def never_fits(error: Exception) -> bool:
    """Whether the same write would fail in the same way the next time."""
    if isinstance(error, StoreError):
        return isinstance(error, Unfit) or isinstance(error.__cause__, DataError | IntegrityError)
    return True


def encode(method: Callable[..., Any], *args: object, **named: object) -> Operation:
    """Put a call of a store's method into words. The store itself is not among `args`."""
    given = inspect.Signature.bind(_signature(method), None, *args, **named).arguments
    values = {name: msgspec.to_builtins(v) for name, v in list(given.items())[1:]}
    return Operation(method.__name__, json.dumps(values, separators=(",", ":")))


def decode(method: Callable[..., Any], operation: Operation) -> Mapping[str, Any]:
    """Give the arguments of a call as values again. Raises Unfit."""
    hints = _hints(method)
    try:
        values = json.loads(operation.arguments)
        given = {name: msgspec.convert(value, hints[name]) for name, value in values.items()}
        _signature(method).bind(None, **given)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unfit(f"A write ({operation.name}) was not kept by this version of tars.") from error
    return given


@cache
def _signature(method: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(method)


@cache
def _hints(method: Callable[..., Any]) -> Mapping[str, Any]:
    return get_type_hints(method)
