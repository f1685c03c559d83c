"""What a session used, in a few lines."""

import pytest

from tars.cli.chat.banner import spent_lines
from tars.cli.chat.inline import width_of
from tests.control.session_samples import SESSION


@pytest.mark.parametrize("width", [36, 79])
def test_the_cost_is_shown_however_narrow_it_is(width: int) -> None:
    """What is left out is what matters less."""
    lines = spent_lines(SESSION, width)
    assert max(map(width_of, lines)) <= width
    assert lines[0].endswith("COST")
    assert "$" in lines[1]
    assert ("CACHED" in lines[0]) is (width == 79)
