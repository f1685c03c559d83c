"""What every answer to a browser says besides its body, and the few small pages of the guard."""

import msgspec

from tars.control.contract import Error, ErrorBody
from tars.web.guard import Refused

Headers = list[tuple[bytes, bytes]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'none'",
    )
)

#: On each answer, whatever it is.
GUARDING: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
]
NOT_KEPT: Headers = [(b"cache-control", b"no-store")]
HTML = b"text/html; charset=utf-8"
JSON = b"application/json"

_SMALL = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{head}<title>{title}</title>
<main><h1>{title}</h1>
{body}</main>
</html>
"""


def entrance() -> bytes:
    """Give a page that goes on to `/` by itself, so that a cookie for this site is sent along."""
    return _SMALL.format(
        head='<meta http-equiv="refresh" content="0; url=/">\n',
        title="tars",
        body='<p><a href="/">Go on to the page</a></p>\n',
    ).encode()


def refusal(refused: Refused, *, as_page: bool) -> tuple[bytes, bytes]:
    """Give the media type and the body that tell of a refusal: to people, or to the page."""
    advice = ADVICE.get(refused.code, "")
    if not as_page:
        error = ErrorBody(code=refused.code, message=refused.message, advice=advice)
        return JSON, msgspec.json.encode(Error(error=error))
    body = f"<p>{_escaped(refused.message)} {_code(advice)}</p>\n"
    if refused.code == "not_let_in":
        body += '<p><a href="/">Try again</a></p>\n'
    return HTML, _SMALL.format(head="", title="tars: not shown", body=body).encode()


ADVICE = {
    "not_let_in": "`tars web` in a terminal prints an address that lets it in.",
    "wrong_host": "`tars web` in a terminal prints the right address.",
}


def _escaped(text: str) -> str:
    # `html` is 200 KB of names of characters.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _code(advice: str) -> str:
    """Mark up what stands between backquotes."""
    parts = _escaped(advice).split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
