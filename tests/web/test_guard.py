"""The guard: who is let through to the page, decided from the head of a request."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.web.guard import Head, Landing, Refused, Verdict, Welcome, hosts, judge, set_cookie

PORT = 8277
HOST = f"127.0.0.1:{PORT}"
COOKIE = f"tars-{PORT}=good"


def head(
    method: str = "GET", target: str = "/v1/status", **headers: str | list[str] | None
) -> Head:
    """A request of a browser that was let in, with these headers instead; None leaves one out."""
    path, _, query = target.partition("?")
    given: dict[str, str | list[str] | None] = {"host": HOST, "cookie": COOKIE}
    if method == "POST":
        given |= {"origin": f"http://{HOST}", "content_type": "application/json"}
        given["sec_fetch_site"] = "same-origin"
    given |= headers
    listed = {
        name.replace("_", "-"): value if isinstance(value, list) else [value]
        for name, value in given.items()
        if value is not None
    }
    return Head(method, path, query, listed)


def verdict(asked: Head) -> Verdict:
    return judge(asked, port=PORT, knows=lambda cookie: cookie == "good")


def status(asked: Head) -> int:
    """HTTP's word for it; 200 lets it through."""
    found = verdict(asked)
    return found.status if isinstance(found, Refused) else 200


@pytest.mark.parametrize("host", hosts(PORT))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_browser_that_was_let_in_gets_through(host: str, method: str) -> None:
    """By each name of loopback."""
    origin = f"http://{host}" if method == "POST" else None
    assert verdict(head(method, host=host, origin=origin)) == Welcome()


def test_the_usual_port_is_not_named() -> None:
    """At port 80 browsers ask for the name alone."""
    asked = head(host="127.0.0.1", cookie="tars-80=good")
    assert judge(asked, port=80, knows=lambda cookie: cookie == "good") == Welcome()


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:82770",
        "evil.example:8277",
        "127.0.0.1.evil.example:8277",
        "localhost.:8277",
        "LOCALHOST:8277",
        "[::1]",
        "::1:8277",
        "0.0.0.0:8277",
        "127.1:8277",
        "user@127.0.0.1:8277",
        "127.0.0.1:8277 ",
        "127.0.0.1:8277, evil.example",
        [HOST, "evil.example"],
        [HOST, HOST],
    ],
)
@pytest.mark.parametrize("target", ["/", "/v1/status", "/?token=t"])
def test_another_name_is_refused(host: str | list[str] | None, target: str) -> None:
    """A name that leads here by a trick of DNS is not ours, whatever else is right; not even a
    ticket is taken there."""
    assert status(head(target=target, host=host)) == 421


@pytest.mark.parametrize("target", ["/", "/main.js", "/style.css", "/v1/status", "/nothing"])
@pytest.mark.parametrize(
    "cookie",
    [None, "", "tars-8277", "tars-8277=", "tars-8277=bad", "tars-8278=good", "good", "x=good"],
)
def test_without_its_cookie_nobody_gets_anything(target: str, cookie: str | None) -> None:
    """Not even the files of the page."""
    found = verdict(head(target=target, cookie=cookie))
    assert isinstance(found, Refused)
    assert (found.status, found.code) == (403, "not_let_in")


def test_the_cookie_is_found_among_others() -> None:
    """Other programs of this machine set some for the same host; an old one of ours may be left."""
    for cookie in (f"a=b; {COOKIE}; c=d", f"tars-{PORT}=old; {COOKIE}", f"{COOKIE};"):
        assert status(head(cookie=cookie)) == 200
    assert status(head(cookie=["a=b", COOKIE])) == 200


def test_a_ticket_is_heard_at_the_door_alone() -> None:
    """With GET, at `/`, once."""
    assert verdict(head(target="/?token=t", cookie=None)) == Landing("t", foreign=False)
    for target in ("/main.js?token=t", "/v1/status?token=t", "/?token=a&token=b", "/?token="):
        assert status(head(target=target, cookie=None)) == 403
    asked = head("POST", "/?token=t", cookie=None)
    assert status(asked) == 403


@pytest.mark.parametrize(
    ("site", "foreign"),
    [(None, False), ("none", False), ("same-origin", False), ("cross-site", True)],
)
def test_a_ticket_from_another_page_is_told(site: str | None, foreign: bool) -> None:
    """A browser would not send the new cookie along to where it is sent on to then."""
    landing = verdict(head(target="/?token=t", sec_fetch_site=site))
    assert landing == Landing("t", foreign=foreign)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused(method: str) -> None:
    """There is nothing that another method would do; OPTIONS would ask for CORS."""
    assert status(head(method)) == 405


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        f"https://{HOST}",
        "http://127.0.0.1:3000",
        f"http://localhost:{PORT}",
        f"http://{HOST}.evil.example",
        [f"http://{HOST}", f"http://{HOST}"],
    ],
)
def test_what_changes_anything_comes_from_the_page(origin: str | list[str] | None) -> None:
    """The cookie alone is not enough: another port of this machine is the same site to browsers."""
    assert status(head("POST", "/v1/prompt", origin=origin)) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "other"])
def test_what_a_browser_says_of_the_sender_is_heard(site: str) -> None:
    """Where it says nothing, the origin has to do."""
    assert status(head("POST", "/v1/prompt", sec_fetch_site=site)) == 403
    assert status(head("POST", "/v1/prompt", sec_fetch_site=None)) == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_data_is_for_the_page_alone(site: str) -> None:
    """Another site may link to the page, and ask for nothing behind it."""
    assert status(head("GET", "/v1/status", sec_fetch_site=site)) == 403
    assert status(head("GET", "/main.js", sec_fetch_site=site)) == 403
    assert status(head("GET", "/", sec_fetch_site=site)) == 200


@pytest.mark.parametrize(
    "kind",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"],
)
def test_what_a_form_can_send_changes_nothing(kind: str | None) -> None:
    """A body is JSON by its type, too."""
    assert status(head("POST", "/v1/prompt", content_type=kind)) == 415
    assert status(head("POST", content_type="application/JSON; charset=utf-8")) == 200


def test_scripts_and_other_sites_never_get_the_cookie() -> None:
    """It says so itself, and is no cookie of a folder."""
    kept = set_cookie(PORT, "v", 60.9)
    assert kept == "tars-8277=v; Max-Age=60; Path=/; HttpOnly; SameSite=Strict"


_words = st.text(string.printable, max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT"]),
    _words,
    st.dictionaries(
        st.sampled_from(["host", "cookie", "origin", "content-type", "sec-fetch-site"]),
        st.lists(st.one_of(_words, st.sampled_from([HOST, "tars-8277=bad", "same-origin"]))),
    ),
)
def test_garbage_is_judged_and_never_let_through(
    method: str, target: str, headers: dict[str, list[str]]
) -> None:
    """No head raises anything, and none gets through without a cookie that is known."""
    path, _, query = target.partition("?")
    found = judge(Head(method, path, query, headers), port=PORT, knows=lambda _: False)
    assert not isinstance(found, Welcome)
