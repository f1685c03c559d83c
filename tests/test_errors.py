"""Faults in words."""

import pytest

from tars.errors import Fault, FaultKind


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Fix external API key", "Fix external API key. Mend it."),
        ("It is bad.", "It is bad. Mend it."),
        ('It said "no."', 'It said "no." Mend it.'),
        ("It said (no)", "It said (no). Mend it."),
    ],
)
def test_the_advice_begins_a_sentence(message: str, said: str) -> None:
    """Also after an agent's own words; without advice they stay as they are."""
    fault = Fault(FaultKind.BAD_KEY, message, "Mend it.")
    assert str(fault) == said
    assert str(Fault(FaultKind.BAD_KEY, message)) == message
