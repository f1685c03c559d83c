"""Which agent starts after which: the order of a start, and the reverse for a stop. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

After = Mapping[str, Sequence[str]]


def in_order(names: Iterable[str], after: After) -> tuple[str, ...]:
    """Sort names so that each stands behind those it starts after; else they stay as given."""
    wanted = tuple(dict.fromkeys(names))
    placed: dict[str, None] = {}
    for name in wanted:
        # By hand and not by recursion: a chain may be as long as there are agents.
        path = [name]
        while path:
            missing = [n for n in after.get(path[-1], ()) if n in wanted and n not in placed]
            fresh = next((n for n in missing if n not in path), None)
            if fresh is None:
                placed.setdefault(path.pop())
            else:
                path.append(fresh)
    return tuple(placed)


def waves(names: Iterable[str], after: After) -> tuple[tuple[str, ...], ...]:
    """Group names so that each stands in a later group than those it starts after."""
    depth: dict[str, int] = {}
    for name in in_order(names, after):
        depth[name] = 1 + max((depth.get(n, -1) for n in after.get(name, ())), default=-1)
    deepest = max(depth.values(), default=-1)
    return tuple(tuple(n for n in depth if depth[n] == d) for d in range(deepest + 1))


def held_up(name: str, pending: Collection[str], after: After) -> bool:
    """Whether somebody that this one starts after is still pending."""
    return any(n in pending for n in after.get(name, ()))


def cycle(after: After) -> tuple[str, ...]:
    """Find agents that would wait for each other for ever; empty where there are none."""
    sound: set[str] = set()
    for start in after:
        path = [start]
        while path:
            ahead = [n for n in after.get(path[-1], ()) if n not in sound]
            if not ahead:
                sound.add(path.pop())
            elif ahead[0] in path:
                return tuple(path[path.index(ahead[0]) :])
            else:
                path.append(ahead[0])
    return ()
