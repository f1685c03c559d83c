"""What tars says when something goes wrong, read from its sources: word for word, with `…` for what
is only known then.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.generating.parts import SOURCES, modules
from tars import errors

#: Stands for what is put into a message.
GAP = "…"


@dataclass(frozen=True, slots=True)
class Message:
    """`of` is the class of an exception, or the kind of a fault in capitals as the code has it."""

    of: str
    text: str
    advice: str = ""


def exceptions() -> dict[str, type[errors.TarsError]]:
    """Give every exception of the tree in `tars.errors`, by its name."""
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.TarsError)
    }


@cache
def said(sources: Path = SOURCES) -> tuple[Message, ...]:
    """Give every message of an exception or a fault that the code makes, each once."""
    makes = re.compile(rf"\b(Fault|{'|'.join(exceptions())})\(")
    worth = (module.tree for module in modules(sources) if makes.search(module.text))
    found = {message for tree in worth for message in _Module(tree).messages()}
    return tuple(sorted(found, key=lambda m: (m.of, m.text, m.advice)))


@cache
def texts(sources: Path = SOURCES) -> frozenset[str]:
    """Give every text in the code that is no docstring, whole, with `…` for what is put into it."""
    found: set[str] = set()
    for module in modules(sources):
        found.update(_outermost(module.tree))
    return frozenset(found)


def is_said(message: str) -> bool:
    """Whether the code says this, as a whole text; what it is said of may stand before it."""
    return message in texts() or message.removeprefix(f"{GAP}: ") in texts()


def _outermost(node: ast.AST) -> Iterator[str]:
    """The texts below a node; what is a part of one is none of its own."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Expr(value=ast.Constant()):
                pass  # a docstring
            case ast.Constant() | ast.JoinedStr() | ast.BinOp() if said := _texts(child, {}):
                yield from (_PLACE.sub(GAP, text) for text in said)
            case _:
                yield from _outermost(child)


#: What `str.format` fills, and gaps that meet.
_PLACE = re.compile(r"\{\w*\}|…{2,}")


class _Module:
    """One module's calls that make an exception or a fault."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._constants = _shared() | _constants(self._tree, _shared())

    def messages(self) -> Iterator[Message]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                name, (first, *rest) = node.func.id, node.args
                if name == "Fault" and isinstance(first, ast.Attribute) and rest:
                    yield from self._each(first.attr, *rest[:2])
                elif name in exceptions() and name != "ConfigInvalid":
                    advice = (k.value for k in node.keywords if k.arg == "advice")
                    yield from self._each(name, first, *advice)

    def _each(
        self, of: str, message: ast.expr, advice: ast.expr | None = None
    ) -> Iterator[Message]:
        advised = () if advice is None else _texts(advice, self._constants)
        for text in _texts(message, self._constants):
            if text.strip(GAP + ". :"):
                yield Message(of, *(_PLACE.sub(GAP, t) for t in (text, next(iter(advised), ""))))


def _texts(node: ast.expr | ast.AST, constants: Mapping[str, str]) -> tuple[str, ...]:
    """Give what a text may be: of two where a condition decides, none where nobody knows."""
    match node:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.JoinedStr(values=values):
            return ("".join(_inner(value) for value in values),)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            ends = _texts(right, constants) or (GAP,)
            return tuple(a + b for a in _texts(left, constants) for b in ends)
        case ast.IfExp(body=body, orelse=other):
            return (*_texts(body, constants), *_texts(other, constants))
        case ast.BoolOp(values=[*_, last]):
            return _texts(last, constants)
        case ast.Call(func=ast.Name(id="_sentence"), args=[first, *_]):
            return tuple(f"{text}: {GAP}" for text in _texts(first, constants))
        case ast.Call(func=ast.Name(id="one_line"), args=[first, *_]):
            return _texts(first, constants)
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in constants:
            return (constants[name],)
        case _:
            return ()


def _inner(value: ast.expr) -> str:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else GAP


@cache
def _shared() -> dict[str, str]:
    """The sentences that the agents' modules share."""
    tree = ast.parse((SOURCES / "protocols" / "faults.py").read_text())
    return _constants(tree, {})


def _constants(tree: ast.Module, others: Mapping[str, str]) -> dict[str, str]:
    """A module's own texts, by the names that it gives them."""
    return {
        target.id: found[0]
        for node in tree.body
        if isinstance(node, ast.Assign) and (found := _texts(node.value, others))
        for target in _names(node.targets)
    }


def _names(targets: Iterable[ast.expr]) -> Iterator[ast.Name]:
    return (target for target in targets if isinstance(target, ast.Name))
