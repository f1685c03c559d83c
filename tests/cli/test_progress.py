"""Progress: nothing for a second, then one line that moves, or one that does not."""

import io

from tars.cli.progress import WIPE, Progress


class Clock:
    """Time that passes when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(live: bool, *, out: io.StringIO | None = None) -> tuple[Progress, io.StringIO, Clock]:
    out, clock = out or io.StringIO(), Clock()
    return Progress("Starting", live=live, out=out, clock=clock), out, clock


def test_what_is_quick_shows_nothing() -> None:
    """Within a second not a byte is written, and nothing has to be wiped."""
    for live in (True, False):
        progress, out, clock = shown(live)
        with progress:
            clock.now += 0.99
            progress.tick()
        assert out.getvalue() == ""


def test_a_live_line_turns_counts_and_is_wiped() -> None:
    """Each tick draws over the one before; the end leaves an empty line."""
    progress, out, clock = shown(live=True)
    with progress:
        clock.now += 2
        progress.tick()
        progress.waiting_for("rate limit\n\x1b[31m")
        clock.now += 63
        progress.tick()
    first, second, last = out.getvalue().split(WIPE)[1:]
    assert first.endswith(" Starting · 2 s")
    assert second.endswith(" Starting · 1 min 5 s · rate limit")
    assert first[0] != second[0]
    assert last == ""


def test_what_ends_by_itself_counts_down() -> None:
    """To nothing, and no further; the next reason begins anew."""
    progress, out, clock = shown(live=True)
    with progress:
        clock.now += 2
        progress.waiting_for("rate limit", 90.0)
        progress.tick()
        clock.now += 200
        progress.tick()
        progress.waiting_for("")
        progress.tick()
    first, second, third, _ = out.getvalue().split(WIPE)[1:]
    assert first.endswith(" Starting · 2 s · 1 min 30 s left · rate limit")
    assert second.endswith(" · 0 s left · rate limit")
    assert third.endswith(" Starting · 3 min 22 s")


def test_plain_lines_stay_and_do_not_repeat() -> None:
    """One line says what is waited for, and one each new reason."""
    progress, out, clock = shown(live=False)
    with progress:
        clock.now += 2
        for _ in range(3):
            progress.tick()
            progress.waiting_for("rate limit")
        progress.waiting_for("")
        progress.tick()
    assert out.getvalue() == "Starting …\nStarting: rate limit\n"


def test_a_hidden_line_is_not_drawn() -> None:
    """Somebody else has the line."""
    progress, out, clock = shown(live=True)
    progress.hidden = True
    clock.now += 5
    progress.tick()
    assert out.getvalue() == ""


def test_the_cursor_is_never_hidden() -> None:
    """So nothing has to be repaired whatever kills the process."""
    progress, out, clock = shown(live=True)
    clock.now += 5
    progress.tick()
    assert "\x1b[?25l" not in out.getvalue()
