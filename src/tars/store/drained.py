"""How far the writes of a machine have been taken over: the last number that is in the store.

The row is changed in the transaction of the writes themselves, and first: whoever comes after
a connection that was lost waits until what it left under way is kept or undone.
"""

from sqlalchemy import Connection, bindparam, insert, select, update

from tars.store.schema import drained

_THIS = drained.c.machine == bindparam("of_machine")
_READ = select(drained.c.number).where(_THIS).with_for_update()
_ADVANCE = update(drained).where(_THIS, drained.c.number < bindparam("upto"))
_INSERT = insert(drained)


def read(connection: Connection, machine: int) -> int:
    """Give the last number, and let nobody else change it in this transaction."""
    known: int | None = connection.scalar(_READ, {"of_machine": machine})
    if known is not None:
        return known
    connection.execute(_INSERT, {"machine": machine, "number": 0})
    return 0


def advance(connection: Connection, machine: int, number: int) -> bool:
    """Note that everything up to this number is taken over. False, if it was before."""
    values = {"of_machine": machine, "upto": number, "number": number}
    return connection.execute(_ADVANCE, values).rowcount > 0
