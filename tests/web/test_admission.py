"""Tickets and visitors: each ticket works once and in time, and nothing kept lets anybody in."""

import dataclasses

import pytest

from tars.web.admission import (
    MOST_TICKETS,
    MOST_VISITORS,
    TICKET_SECONDS,
    VISITOR_SECONDS,
    Admission,
)

NOW = 1_800_000_000.0


def test_a_ticket_lets_one_browser_in_once() -> None:
    """Its cookie is known from then on; the ticket is worth nothing any more."""
    admission = Admission()
    ticket = admission.ticket(NOW)
    cookie = admission.redeem(ticket, NOW)
    assert cookie is not None
    assert admission.knows(cookie, NOW)
    assert admission.redeem(ticket, NOW) is None


@pytest.mark.parametrize("made_up", ["", "x", "ticket", "\udcff", "a" * 10_000])
def test_what_was_made_up_lets_nobody_in(made_up: str) -> None:
    """Neither as a ticket nor as a cookie, whatever it is made of."""
    admission = Admission()
    admission.ticket(NOW)
    assert admission.redeem(made_up, NOW) is None
    assert not admission.knows(made_up, NOW)


def test_a_ticket_waits_for_minutes_and_a_visitor_for_days() -> None:
    """Both end by themselves."""
    admission = Admission()
    late, used = admission.ticket(NOW), admission.ticket(NOW)
    cookie = admission.redeem(used, NOW + TICKET_SECONDS - 1)
    assert admission.redeem(late, NOW + TICKET_SECONDS) is None
    assert cookie is not None
    ends = NOW + TICKET_SECONDS - 1 + VISITOR_SECONDS
    assert admission.knows(cookie, ends - 1)
    assert not admission.knows(cookie, ends)
    assert admission.visitors(ends) == ()


def test_visitors_are_known_to_the_next_admission() -> None:
    """A daemon's successor knows them from what was kept, which holds no cookie."""
    admission = Admission()
    cookie = admission.redeem(admission.ticket(NOW), NOW)
    assert cookie is not None
    [kept] = admission.visitors(NOW)
    assert cookie not in str(dataclasses.asdict(kept))
    assert Admission([kept]).knows(cookie, NOW)
    assert not Admission([kept]).knows(kept.digest, NOW)


def test_forgetting_leaves_nobody() -> None:
    """Neither who was let in nor who has a ticket."""
    admission = Admission()
    ticket, cookie = admission.ticket(NOW), admission.redeem(admission.ticket(NOW), NOW)
    admission.forget()
    assert admission.redeem(ticket, NOW) is None
    assert not admission.knows(str(cookie), NOW)


def test_the_oldest_makes_room() -> None:
    """However often somebody asks, little is kept."""
    admission = Admission()
    tickets = [admission.ticket(NOW) for _ in range(MOST_TICKETS + 1)]
    assert admission.redeem(tickets[0], NOW) is None
    cookies = [admission.redeem(admission.ticket(NOW), NOW) for _ in range(MOST_VISITORS + 1)]
    assert len(admission.visitors(NOW)) == MOST_VISITORS
    assert not admission.knows(str(cookies[0]), NOW)
    assert admission.knows(str(cookies[-1]), NOW)


def test_secrets_are_never_the_same_and_long_enough() -> None:
    """256 bits are 43 characters of base64."""
    admission = Admission()
    found = {admission.ticket(NOW) for _ in range(100)}
    assert len(found) == 100
    assert {len(ticket) for ticket in found} == {43}
