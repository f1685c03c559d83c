"""How large a number may be that an agent tells."""

from typing import Annotated

from msgspec import Meta

#: A number beyond this is no count of tokens, and no database could store it.
COUNTABLE = Meta(ge=0, le=2**53)
Count = Annotated[int, COUNTABLE]
