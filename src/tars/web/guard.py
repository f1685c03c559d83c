"""What is let through to the page and its data: decided from a request's head alone.

Browsers send whatever any site tells them to. So the name that was asked for has to be one of
loopback (DNS rebinding), the browser has to have been let in (the cookie), and what changes
anything has to come from the page itself (`Origin`, `Sec-Fetch-Site`) and be JSON, which no
form can send.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

#: What a site that is not this page says of itself in `Sec-Fetch-Site`.
_FOREIGN = ("cross-site", "same-site")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request. `headers` are by their names in lower case, as often as they came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str | None:
        """Give a header that came once; None where it did not, or came more often."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class Refused:
    """It goes no further. `status` is HTTP's, `code` a stable word for the page."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Landing:
    """Somebody brings a ticket. `foreign`: from elsewhere than the address bar, so that the
    browser would not send a cookie along where it is sent on to."""

    ticket: str
    foreign: bool


@dataclass(frozen=True, slots=True)
class Welcome:
    """It may be answered."""


Verdict = Refused | Landing | Welcome


def judge(head: Head, *, port: int, knows: Callable[[str], bool]) -> Verdict:
    """Decide about one request to the page at `port`; `knows` tells cookies that hold."""
    if head.one("host") not in hosts(port):
        return Refused(421, "wrong_host", f"This is not what is served here: port {port}.")
    if head.method not in ("GET", "POST"):
        return Refused(405, "method_not_allowed", "It is asked with GET or POST.")
    ticket = _ticket(head)
    if ticket is not None:
        return Landing(ticket, foreign=head.one("sec-fetch-site") in _FOREIGN)
    if not any(knows(value) for value in cookies(head, cookie_name(port))):
        return Refused(403, "not_let_in", "This browser was not let in, or not lately.")
    return _own(head) or Welcome()


def hosts(port: int) -> tuple[str, ...]:
    """Give the names by which the page can be asked for."""
    names = ("127.0.0.1", "localhost", "[::1]")
    whole = tuple(f"{name}:{port}" for name in names)
    # Browsers leave out the port that http has anyway.
    return (*whole, *names) if port == 80 else whole


def cookie_name(port: int) -> str:
    """Name the cookie. Cookies know no ports, so that two homes would share one name."""
    return f"tars-{port}"


def set_cookie(port: int, value: str, seconds: float) -> str:
    """Give the header's value by which a browser keeps the cookie: for this site alone, and out
    of reach of scripts."""
    kept = f"Max-Age={int(seconds)}; Path=/; HttpOnly; SameSite=Strict"
    return f"{cookie_name(port)}={value}; {kept}"


def cookies(head: Head, name: str) -> list[str]:
    """Give every value that was sent under this name."""
    pairs = (pair.partition("=") for line in head.headers.get("cookie", ()) for pair in _of(line))
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def _of(line: str) -> list[str]:
    return line.split(";")


def _ticket(head: Head) -> str | None:
    if head.method != "GET" or head.path != "/" or "token=" not in head.query:
        return None
    try:
        values = parse_qs(head.query, max_num_fields=4).get("token", [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None


def _own(head: Head) -> Refused | None:
    """Refuse what another site had a browser send."""
    site = head.one("sec-fetch-site")
    if head.method == "GET":
        if site in _FOREIGN and head.path != "/":
            return Refused(403, "foreign", "Another site asks for this.")
        return None
    if site is not None and site != "same-origin":
        return Refused(403, "foreign", "Another site asks for this.")
    if head.one("origin") != f"http://{head.one('host')}":
        return Refused(403, "foreign", "What changes anything has to come from the page.")
    kind = (head.one("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return Refused(415, "not_json", "What changes anything is sent as application/json.")
    return None
