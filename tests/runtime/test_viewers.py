"""Many viewers of one terminal: one types, all see, and nobody waits for anybody."""

import anyio

from tars.runtime.viewers import MOST_WAITING, Over, Printed, Shared, Viewer, Viewers


class Paper:
    """A screen that shows what it is told to; `sizes` are those that it was given."""

    def __init__(self) -> None:
        self.printed: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.watched = False

    def redraw(self) -> str:
        return "<whole>"

    def shown(self) -> str:
        text, self.printed = "".join(self.printed), []
        return text

    def watch(self, *, on: bool) -> None:
        self.watched = on

    def resize(self, rows: int, columns: int) -> None:
        self.sizes.append((rows, columns))


class Scene:
    def __init__(self) -> None:
        self.paper = Paper()
        self.told: list[tuple[int, int]] = []
        self.viewers = Viewers(self.paper, (24, 80), lambda *size: self.told.append(size))

    def attach(self, rows: int = 24, columns: int = 80, *, keyboard: bool = False) -> Viewer:
        return self.viewers.attach(rows, columns, keyboard=keyboard)

    def show(self, text: str) -> None:
        self.paper.printed.append(text)
        self.viewers.show()


def seen(viewer: Viewer) -> list[object]:
    """What a viewer has to see now."""
    return list(anyio.run(viewer.batch))


def test_a_viewer_sees_the_whole_screen_first() -> None:
    """Then what is printed, joined; what came before he attached is in the picture."""
    scene = Scene()
    one = scene.attach()
    scene.show("before he looked")
    assert seen(one) == [Shared(True, 24, 80, 1), Printed("<whole>")]
    scene.show("a")
    scene.show("b")
    assert seen(one) == [Printed("ab")]


def test_the_first_types_until_he_leaves() -> None:
    """Then the next one does; whoever takes the keyboard has it at once."""
    scene = Scene()
    one, two, three = scene.attach(), scene.attach(), scene.attach()
    assert [scene.viewers.types(v) for v in (one, two, three)] == [True, False, False]
    scene.viewers.leave(one)
    assert scene.viewers.types(two)
    scene.viewers.change(three, rows=None, columns=None, keyboard=True)
    assert not scene.viewers.types(two)
    assert scene.viewers.types(three)
    four = scene.attach(keyboard=True)
    assert scene.viewers.types(four)
    seen(two)
    scene.viewers.leave(four)
    assert seen(two)[0] == Shared(True, 24, 80, 2)
    scene.viewers.leave(four)
    assert scene.viewers.known(four.id) is None


def test_the_terminal_is_as_large_as_the_smallest() -> None:
    """So that everybody sees all of it; and as it was when all have left."""
    scene = Scene()
    one = scene.attach(50, 120)
    two = scene.attach(30, 200)
    scene.viewers.change(one, rows=60, columns=150, keyboard=False)
    scene.viewers.leave(one)
    scene.viewers.leave(two)
    assert scene.told == [(50, 120), (30, 120), (30, 150), (30, 200), (24, 80)]
    assert scene.paper.sizes == scene.told
    assert not scene.paper.watched


def test_a_viewer_who_stalls_gets_the_whole_screen_later() -> None:
    """What waits for him is bounded, and the others miss nothing."""
    scene = Scene()
    slow, quick = scene.attach(), scene.attach()
    seen(slow)
    seen(quick)
    for _ in range(100):
        scene.show("x" * (MOST_WAITING // 50))
        assert seen(quick) == [Printed("x" * (MOST_WAITING // 50))]
        assert slow._size <= MOST_WAITING
    assert seen(slow) == [Printed("<whole>")]
    scene.show("on")
    assert seen(slow) == [Printed("on")]


def test_the_end_is_told_after_what_was_printed() -> None:
    """Nothing comes after it."""
    scene = Scene()
    one = scene.attach()
    seen(one)
    scene.paper.printed.append("last words")
    scene.viewers.end("It has ended.")
    assert seen(one) == [Printed("last words"), Over("It has ended.")]
    assert seen(one) == []
