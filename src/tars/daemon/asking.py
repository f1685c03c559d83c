"""What is asked of the store for a person: what he got wrong comes back to him."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tars.errors import StoreError, TarsError
from tars.runtime.recorder import Recorder

if TYPE_CHECKING:
    from tars.store.store import Store

T = TypeVar("T")


async def ask(recorder: Recorder, work: "Callable[[Store], T]") -> T:
    """Do this in the recorder's thread. Raises what it raises of `tars.errors`."""
    answer = await recorder.ask(lambda store: _attempt(store, work))
    if isinstance(answer, TarsError):
        raise answer
    return answer


def _attempt(store: "Store", work: "Callable[[Store], T]") -> T | TarsError:
    """Give what is no fault of the store as an answer: the recorder takes any other for a bug."""
    try:
        return work(store)
    except StoreError:
        raise
    except TarsError as error:
        return error
