"""What it raises to decode JSON that a stranger wrote; and `msgspec`, imported in half the time."""

import sys

_EXTENSIONS = "typing_extensions"

# It takes what it wants of these from `typing` where they are not there, which has it as well: they
# alone would take as long to import as the rest of it.
_hidden = sys.modules.keys().isdisjoint({"msgspec", _EXTENSIONS})
if _hidden:
    sys.modules[_EXTENSIONS] = None  # type: ignore[assignment]
try:
    import msgspec
finally:
    if _hidden:
        del sys.modules[_EXTENSIONS]

#: Text that is not UTF-8 has an error of its own, and what is nested too deeply another.
UNDECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
