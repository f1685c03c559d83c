"""What it raises to decode JSON that a stranger wrote."""

import msgspec

#: Text that is not UTF-8 has an error of its own, and what is nested too deeply another.
UNDECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
