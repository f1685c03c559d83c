"""The wire: every message as it is written, and the page that documents it."""

import json
from pathlib import Path

import msgspec
import pytest

from tars.control import attach_contract as a
from tars.control import contract as c
from tars.control import (
    costs_contract,
    permission_contract,
    queue_contract,
    session_contract,
    web_contract,
)
from tars.control.reference import documentation, messages, page
from tars.control.routes import ROUTES
from tests.control.samples import MESSAGES, SAMPLES, messages_json


def test_the_wire_is_as_it_was() -> None:
    """No message's JSON changes unnoticed; `python -m tests.control.samples` accepts a change."""
    assert messages_json() == MESSAGES.read_text()


def test_every_message_has_a_sample_and_a_meaning() -> None:
    """The samples, and with them the golden file, are complete; each says what it is."""
    assert {type(sample) for sample in SAMPLES} == set(messages())
    written = vars(c) | vars(a) | vars(permission_contract) | vars(session_contract)
    written |= vars(costs_contract) | vars(queue_contract) | vars(web_contract)
    assert {kind.__name__ for kind in messages()} == {
        name
        for name, kind in written.items()
        if isinstance(kind, type) and issubclass(kind, c.Wire) and kind is not c.Wire
    }
    assert [kind.__name__ for kind in messages() if not documentation(kind)] == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_messages_come_back_as_they_went(sample: c.Wire) -> None:
    """Decoding gives what was encoded."""
    assert msgspec.json.decode(msgspec.json.encode(sample), type=type(sample)) == sample


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_answers_may_grow_and_requests_may_not(sample: c.Wire) -> None:
    """An unknown field is ignored in what clients read, and refused in what they send."""
    requests = {route.request for route in ROUTES}
    grown = json.dumps({**json.loads(msgspec.json.encode(sample)), "later": 1})
    if type(sample) in requests:
        with pytest.raises(msgspec.ValidationError, match="later"):
            msgspec.json.decode(grown, type=type(sample))
    else:
        assert msgspec.json.decode(grown, type=type(sample)) == sample


def test_the_reference_page_is_current() -> None:
    """docs/control-api.md says what the contract says; `python -m tars.control.reference`."""
    written = Path(__file__).parents[2] / "docs" / "control-api.md"
    assert written.read_text() == page()


def test_the_page_names_the_fields_of_the_wire() -> None:
    """No name of a Python attribute is left in the page."""
    attributes = {
        f"`{field.name}`"
        for kind in messages()
        for field in msgspec.structs.fields(kind)
        if field.name != field.encode_name
    }
    assert sorted(name for name in attributes if name in page()) == []
