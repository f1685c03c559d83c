"""What a session, a task or a template may be called, and the names of files made of that.

A name is shown in tables and terminals and typed again, so nothing in it may be hidden, and
it never is a path. Names are kept as NFC: what looks the same is the same.
"""

import hashlib
import re
import unicodedata

from tars.errors import NameInvalid

LONGEST = 100

#: What means something else wherever a session is asked for.
_RESERVED = ("last",)

#: Joiners make one emoji, or one word of some scripts, of several signs; elsewhere they hide.
_JOINERS = "\u200c\u200d"
_PRESENTATION = "\ufe0e\ufe0f"
#: Letters and marks that show nothing: fillers, the Braille blank, selectors of variants.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0d\uffa0"
    "\ufffe\uffff\U000e0100-\U000e01ef]"
)
_HIDING = ("Cc", "Cf", "Cs", "Zl", "Zp")

#: What some file system or shell takes for something else; `~` marks a name cut short.
_AWKWARD = re.compile(r'[%~:*?"<>|/\\]')
#: Most file systems take 255 bytes; the rest is for endings such as `.json.part`.
_LONGEST_FILE = 200


def check_name(name: str, *, of: str = "a session") -> str:
    """Give a name as it is kept. Raises NameInvalid, which says why, where it cannot be one."""
    name = unicodedata.normalize("NFC", name)
    reason = _refusal(name)
    if reason:
        raise NameInvalid(f"{_shown(name)} cannot be the name of {of}: {reason}.")
    return name


def automatic_name(command: str, feature: str) -> str:
    """Make a name such as `implement-login` of what is done and what for; whatever a name may
    not hold becomes a hyphen. Raises NameInvalid when nothing is left of the feature."""
    words = "".join("-" if _hides(sign) or sign in "/\\" else sign for sign in feature)
    slug = re.sub(r"[\s-]+", "-", words).strip("-.")
    if not slug:
        raise NameInvalid("The feature has nothing in it that a name could be made of.")
    name = f"{command}-{slug}"
    if len(name) > LONGEST:
        # Another feature that begins alike is another session.
        digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
        name = f"{name[: LONGEST - 9].rstrip('-. ')}-{digest}"
    return check_name(name)


def file_name(name: str) -> str:
    """Give the name of a file for a name, without an ending: a different one for each.

    A long one keeps its beginning, and a digest makes it one of its kind.
    """
    whole = _AWKWARD.sub(lambda found: f"%{ord(found[0]):02X}", check_name(name))
    if whole.endswith("."):
        whole = f"{whole[:-1]}%2E"
    return cut_file(whole, name)


def cut_file(file: str, whole: str) -> str:
    """Cut the name of a file to what file systems take; a digest of the whole then tells it from
    others that begin alike."""
    encoded = file.encode()
    if len(encoded) <= _LONGEST_FILE:
        return file
    digest = hashlib.sha256(whole.encode()).hexdigest()[:32]
    return f"{encoded[: _LONGEST_FILE - 33].decode(errors='ignore')}~{digest}"


def _refusal(name: str) -> str:
    """Say why it cannot be a name; empty when it can."""
    if not name.strip():
        return "it is empty" if not name else "it is only blanks"
    if len(name) > LONGEST:
        return f"it has {len(name)} characters, and {LONGEST} are the most"
    hidden = _hidden(name)
    if hidden:
        return f"it holds {hidden}, which cannot be seen"
    if name != name.strip():
        return "it begins or ends with a blank"
    if "/" in name or "\\" in name:
        return "it holds a slash, and a name is no path"
    if name.startswith("."):
        return "it begins with a dot"
    if name.startswith("-"):
        return "it begins with a hyphen, as an option does"
    if name.casefold() in _RESERVED:
        return "that word means the newest session"
    return ""


def _hidden(name: str) -> str:
    """Describe the first sign that is not seen; empty when all are."""
    for place, sign in enumerate(name):
        if _hides(sign) and not _joins(name, place):
            return unicodedata.name(sign, "").lower() or f"the character U+{ord(sign):04X}"
    return ""


def _hides(sign: str) -> bool:
    return unicodedata.category(sign) in _HIDING or _UNSEEN.match(sign) is not None


def _joins(name: str, place: int) -> bool:
    """A joiner is one between two visible signs that are not ASCII."""
    before, after = name[place - 1 : place], name[place + 1 : place + 2]
    return name[place] in _JOINERS and all(
        sign and not sign.isascii() and (sign in _PRESENTATION or not _hides(sign))
        for sign in (before, after)
    )


def _shown(name: str) -> str:
    """A name that can be printed: quoted, with what is hidden escaped, and not too long."""
    seen = "".join(
        sign
        if sign.isprintable() and not _hides(sign) and sign != "\\"
        else sign.encode("unicode_escape").decode()
        for sign in name[:61]
    )
    return f'"{seen[:60]}…"' if len(seen) > 60 else f'"{seen}"'
