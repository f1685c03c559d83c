"""Writes as texts: the name of a method of the store, and its arguments as JSON.

The method's own annotations say what the arguments are. They are kept by name, so that a
later version of tars reads what an earlier one wrote, as long as new ones have defaults.
Python's `json` writes them, because an agent's words may hold half a surrogate pair.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

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
    if not isinstance(error, StoreError):
        return True
    # The cause is left out where it would quote a row.
    cause = error.__cause__ or error.__context__
    return isinstance(error, Unfit) or isinstance(cause, DataError | IntegrityError)


def encode(method: Callable[..., Any], *args: object, **named: object) -> Operation:
    """Put a call of a store's method into words. The store itself is not among `args`."""
    given = inspect.Signature.bind(_signature(method), None, *args, **named).arguments
    values = {name: _plain(value) for name, value in list(given.items())[1:]}
    return Operation(method.__name__, json.dumps(values, separators=(",", ":")))


def decode(method: Callable[..., Any], operation: Operation) -> Mapping[str, Any]:
    """Give the arguments of a call as values again. Raises Unfit."""
    hints = _hints(method)
    try:
        values = json.loads(operation.arguments)
        given = {name: _value(value, hints[name]) for name, value in values.items()}
        _signature(method).bind(None, **given)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise Unfit(f"A write ({operation.name}) was not kept by this version of tars.") from error
    return given


def _plain(value: object) -> object:
    """Put a value into words; one of a dataclass with the name of that, for unions of them."""
    if is_dataclass(value) and not isinstance(value, type):
        own = {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        return [type(value).__name__, own]
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return msgspec.to_builtins(value)


def _value(plain: Any, hint: Any) -> Any:
    """Make a value of this type again."""
    members: tuple[Any, ...] = (hint,)
    if get_origin(hint) in (Union, UnionType):
        members = get_args(hint)
    kinds: dict[str, Any] = {
        k.__name__: k for k in members if is_dataclass(k) and isinstance(k, type)
    }
    if not kinds:
        if isinstance(plain, list) and get_origin(hint) is tuple:
            return tuple(_value(each, get_args(hint)[0]) for each in plain)
        return msgspec.convert(plain, hint)
    if plain is None and NoneType in members:
        return None
    name, given = plain
    hints = _hints(kinds[name])
    return kinds[name](**{each: _value(value, hints[each]) for each, value in given.items()})


@cache
def _signature(method: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(method)


@cache
def _hints(owner: Callable[..., Any]) -> Mapping[str, Any]:
    return get_type_hints(owner)
