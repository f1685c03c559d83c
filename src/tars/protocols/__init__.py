"""How agents say it: bytes in, conversation out. No sockets, no clocks."""
