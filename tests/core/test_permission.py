"""The policy knows each kind of tool; the answer is the mildest that the agent offers."""

import pytest

from tars.core.permission import Answerer, Option, PermissionPolicy, Rule, allowing, refusing

ALWAYS = Option("a", "allow_always")
ONCE = Option("b", "allow_once")
NO = Option("c", "reject_once")
NEVER = Option("d", "reject_always")


@pytest.mark.parametrize(
    ("policy", "kind", "rule"),
    [
        (PermissionPolicy(), "execute", Rule.ASK),
        (PermissionPolicy(Rule.ALLOW), "execute", Rule.ALLOW),
        (PermissionPolicy(Rule.DENY, {"read": Rule.ALLOW}), "read", Rule.ALLOW),
        (PermissionPolicy(Rule.DENY, {"read": Rule.ALLOW}), "edit", Rule.DENY),
        (PermissionPolicy(Rule.ALLOW, {"": Rule.ASK}), "", Rule.ASK),
    ],
)
def test_the_kind_of_tool_outdoes_the_default(
    policy: PermissionPolicy, kind: str, rule: Rule
) -> None:
    """A rule for the kind holds; every other kind has the default."""
    assert policy.rule(kind) == (rule, Answerer.POLICY)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (PermissionPolicy(Rule.ASK, {}, {"edit": Rule.ALLOW}), (Rule.ALLOW, Answerer.REMEMBERED)),
        (PermissionPolicy(Rule.ALLOW, {}, {"edit": Rule.DENY}), (Rule.DENY, Answerer.REMEMBERED)),
        (PermissionPolicy(Rule.ASK, {}, {"read": Rule.ALLOW}), (Rule.ASK, Answerer.POLICY)),
        (
            PermissionPolicy(Rule.ASK, {"edit": Rule.DENY}, {"edit": Rule.ALLOW}),
            (Rule.DENY, Answerer.POLICY),
        ),
        (PermissionPolicy(Rule.DENY, {}, {"edit": Rule.ALLOW}), (Rule.DENY, Answerer.POLICY)),
        (
            PermissionPolicy(Rule.DENY, {"edit": Rule.ASK}, {"edit": Rule.ALLOW}),
            (Rule.ALLOW, Answerer.REMEMBERED),
        ),
    ],
)
def test_a_remembered_choice_outdoes_all_but_a_refusal(
    policy: PermissionPolicy, expected: tuple[Rule, Answerer]
) -> None:
    """What the configuration denies for the kind stays denied, whatever anybody chose."""
    assert policy.rule("edit") == expected


@pytest.mark.parametrize(
    ("options", "allow", "refuse"),
    [
        ((ALWAYS, ONCE, NO), "b", "c"),
        ((NEVER, ALWAYS, NO, ONCE), "b", "c"),
        ((ALWAYS, NEVER), "a", "d"),
        ((ONCE,), "b", None),
        ((NO,), None, "c"),
        ((Option("x", "something_new"),), None, None),
        ((), None, None),
    ],
)
def test_once_goes_before_always(
    options: tuple[Option, ...], allow: str | None, refuse: str | None
) -> None:
    """No answer is given for longer than asked, wherever the option stands in the list."""
    assert allowing(options) == allow
    assert refusing(options) == refuse
