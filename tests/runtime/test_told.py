"""What an agent last told of itself."""

from tars.conversation.model import Garbled, Unrecognised
from tars.protocols.peer import ANSWER_TO_NOTHING
from tars.runtime.told import MAX_UNRECOGNISED, Told


def test_what_nobody_knows_is_counted_by_name() -> None:
    """An answer to no request too, for it is well-formed; of other garbage the log tells."""
    told = Told()
    for said in (Unrecognised("new"), Garbled(ANSWER_TO_NOTHING, 9), Unrecognised("new")):
        told.note(said)
    told.note(Garbled("not JSON", 5))
    assert told.unrecognised == {"new": 2, "an answer to no request": 1}


def test_the_names_are_bounded() -> None:
    """What comes after the last that is counted apart is one of the others."""
    told = Told()
    for number in range(MAX_UNRECOGNISED + 3):
        told.note(Unrecognised(f"name {number}"))
    told.note(Unrecognised("name 0"))
    assert len(told.unrecognised) == MAX_UNRECOGNISED + 1
    assert told.unrecognised["others"] == 3
    assert told.unrecognised["name 0"] == 2
