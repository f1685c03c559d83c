"""What all messages of the control channel share."""

import msgspec


class Wire(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=False):
    """What all messages share: camelCase names on the wire."""
