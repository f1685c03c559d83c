"""Those lines of a log that have something to tell are given, and no others are decoded."""

from pathlib import Path

import msgspec

from tars.history.records import Records
from tests.support.agent_logs import found, write

_number = msgspec.json.Decoder(dict[str, int])


def test_a_log_with_very_many_records_is_read_in_several_readings(tmp_path: Path) -> None:
    """Each goes on where the one before ended, and the last one says that there are no more."""
    text = "".join(f'{{"n": {n}}}\n{{"other": {n}}}\n' for n in range(5)) + '{"n": 5}'
    path = write(tmp_path / "x.jsonl", text)
    offset, readings, more = 0, [], True
    while more:
        records = Records(found(path), offset, _number, b'"n"', enough=2)
        readings.append([record["n"] for record in records])
        offset, more = records.offset, records.more
    assert readings == [[0, 1], [2, 3], [4, 5]]
    assert offset == len(text) - len('{"n": 5}')


def test_what_cannot_be_decoded_is_garbled_unless_it_has_not_ended(tmp_path: Path) -> None:
    """Half a line at the end is read again when there is more of it."""
    path = write(tmp_path / "x.jsonl", '{"n": "no"}\n\xff"n"\n\n{"n": 1}\nnothing\n{"n": 2')
    records = Records(found(path), 0, _number, b'"n"')
    assert list(records) == [{"n": 1}]
    assert (records.garbled, records.more) == (2, False)
