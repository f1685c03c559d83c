"""What a killed daemon left is found and ended, and nobody else is touched."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from tars.runtime.children import Identity
from tars.runtime.leftovers import Note, end_leftovers, noted
from tars.runtime.process_table import create_time
from tests.support.processes import bystander, died_at_once, kill, python, watched
from tests.support.stage import alive

#: No process anywhere bears this home's mark, but those of one run of these tests.
HOME = os.urandom(8).hex()

SPAWN_AND_WAIT = """
    import signal, sys
    from pathlib import Path
    from tars.runtime import children, family, leftovers
    family.OURS.settle(sys.argv[3])
    child = children.spawn("one", sys.argv[4:], env={"KEPT": "1"}, cwd=Path(sys.argv[1]))
    leftovers.Note(Path(sys.argv[2])).began(child.seen)
    print(child.pid, flush=True)
    while True:
        signal.pause()
"""


def daemon(folder: Path, note: Path, code: str) -> "subprocess.Popen[bytes]":
    """A process that makes a child through tars's own code, notes it, and stays."""
    argv = [sys.executable, "-c", textwrap.dedent(SPAWN_AND_WAIT), str(folder), str(note), HOME]
    return subprocess.Popen([*argv, *python(code)], stdout=subprocess.PIPE)


def noted_in(path: Path, child: Identity) -> None:
    """Leave the note of a daemon that was killed while this child ran."""
    path.write_bytes(msgspec.json.encode(("began", child)) + b"\n")


def test_a_child_dies_with_a_killed_daemon(tmp_path: Path) -> None:
    """kill -9 of the daemon leaves no agent, although nobody ran any code then."""
    # It runs by then: before, `setpriv` has yet to ask for the death signal.
    place = tmp_path / "runs"
    os.mkfifo(place)
    code = f"import signal\nopen({str(place)!r}, 'w').close()\nwhile True: signal.pause()"
    parent = daemon(tmp_path, tmp_path / "note", code)
    assert parent.stdout is not None
    with watched(int(parent.stdout.readline())) as ended:
        place.read_text()
        kill(parent)
        assert ended()


def test_what_a_killed_daemon_left_is_ended(tmp_path: Path) -> None:
    """The child died with its daemon; the grandchild, which did not, is found by its session."""
    note, place = tmp_path / "children.json", tmp_path / "grandchild"
    os.mkfifo(place)
    code = f"""
        import os, signal
        pid = os.fork()
        if pid:
            with open({str(place)!r}, "w") as fifo:
                fifo.write(str(pid))
        while True:
            signal.pause()
    """
    parent = daemon(tmp_path, note, code)
    assert parent.stdout is not None
    leader = int(parent.stdout.readline())
    with watched(leader) as leader_ended:
        grandchild = int(place.read_text())
        kill(parent)
        assert leader_ended()
    assert alive(grandchild), "else there is nothing to prove"
    with watched(grandchild) as ended:
        assert [child.pid for child in end_leftovers(note, HOME)] == [grandchild]
        assert ended()
    assert not note.exists()
    assert end_leftovers(note, HOME) == []


DEEP = """
    import os, signal, sys, time
    # Twice forked, in a session of its own, deaf, with nothing open.
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if os.fork() == 0:
            os.closerange(0, 3)
            fifo = os.open({place!r}, os.O_WRONLY)
            os.write(fifo, str(os.getpid()).encode())
            os.close(fifo)
            {then}
            while True:
                signal.pause()
        os._exit(0)
    while True:
        signal.pause()
"""
#: What it does to be found no more: nothing, drop its environment, or its limit.
ESCAPES = {
    "marked": "pass",
    "scrubbed": "os.execve(sys.executable, ['x', '-I', '-S', '-c', 'import signal; "
    "signal.pause()'], {})",
    "unlimited": "import resource; resource.setrlimit(10, (-1, -1))",
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_what_left_the_session_is_found_by_its_mark(tmp_path: Path, escape: str) -> None:
    """In its limits or in its environment, also where the note is gone with the folder."""
    note, place = tmp_path / "children.json", tmp_path / "place"
    os.mkfifo(place)
    parent = daemon(
        tmp_path, note, textwrap.dedent(DEEP).format(place=str(place), then=ESCAPES[escape])
    )
    assert parent.stdout is not None
    with watched(int(parent.stdout.readline())) as leader_ended:
        deep = int(place.read_text())
        kill(parent)
        assert leader_ended()
    if escape != "unlimited":
        # Without a note the environments are not read.
        note.unlink()
    with watched(deep) as ended:
        assert end_leftovers(note, os.urandom(8).hex()) == [], "another home's"
        assert alive(deep)
        if escape == "unlimited":
            noted_in(note, Identity("one", 4_000_000, 1.0))
        assert [child.pid for child in end_leftovers(note, HOME)] == [deep]
        assert ended()


def test_a_leader_that_still_lives_is_ended_with_its_session(tmp_path: Path) -> None:
    """Where PDEATHSIG did not do it, the note does."""
    note = tmp_path / "children.json"
    with bystander() as process:
        noted_in(note, Identity("one", process.pid, create_time(process.pid)))
        with watched(process.pid) as ended:
            assert [child.name for child in end_leftovers(note, HOME)] == ["one"]
            assert ended()


def test_a_pid_that_is_somebody_elses_by_now_is_not_touched(tmp_path: Path) -> None:
    """The same number with another birthday is another process."""
    note = tmp_path / "children.json"
    with bystander() as process:
        born = create_time(process.pid)
        for other in (born - 3600, born + 3600):
            noted_in(note, Identity("one", process.pid, other))
            assert end_leftovers(note, HOME) == []
        assert not died_at_once(process)


def test_a_note_from_before_the_machine_was_started_names_nobody(tmp_path: Path) -> None:
    """Pids are given anew after a boot: even a birthday that fits is a coincidence."""
    note = tmp_path / "children.json"
    with bystander() as process:
        noted_in(note, Identity("one", process.pid, create_time(process.pid)))
        os.utime(note, (0, psutil.boot_time() - 60))
        assert end_leftovers(note, HOME) == []
        assert not died_at_once(process)


def test_the_clock_may_have_been_set_between_two_daemons(tmp_path: Path) -> None:
    """A birthday is reckoned from the boot, which the clock moves by up to a second."""
    note = tmp_path / "children.json"
    with bystander() as process:
        born = create_time(process.pid)
        noted_in(note, Identity("one", process.pid, born + 1.0))
        assert len(end_leftovers(note, HOME)) == 1


def test_a_zombie_is_not_waited_for(tmp_path: Path) -> None:
    """Where nobody reaps orphans, a dead leftover would hold up the start for seconds."""
    note = tmp_path / "children.json"
    process = subprocess.Popen(["/bin/true"], start_new_session=True)
    with watched(process.pid) as ended:
        assert ended()
        began = time.monotonic()
        noted_in(note, Identity("one", process.pid, create_time(process.pid)))
        assert end_leftovers(note, HOME) == []
        assert time.monotonic() - began < 4
    process.wait()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b'[{"name":"one","pid":"x","create_time":0}]', b"null", b"\xff\xfe\x00"],
)
def test_a_broken_note_ends_nobody(tmp_path: Path, content: bytes) -> None:
    """A torn or foreign file is as good as none."""
    note = tmp_path / "children.json"
    note.write_bytes(content)
    assert end_leftovers(note, HOME) == []


def test_no_note_ends_nobody(tmp_path: Path) -> None:
    """The first daemon of a home finds none."""
    assert end_leftovers(tmp_path / "children.json", HOME) == []


def test_a_note_is_its_owners_alone_and_says_who_runs(tmp_path: Path) -> None:
    """Who has ended is named no more, whether the note was written anew since or not."""
    note = Note(tmp_path / "children.json")
    one, two = Identity("one", 1, 2.0), Identity("two", 3, 4.0)
    note.began([one, two])
    note.began([two])
    note.ended([one])
    assert noted(tmp_path / "children.json") == [two]
    assert (tmp_path / "children.json").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["children.json"]
    note.close()
    assert os.listdir(tmp_path) == []


def test_a_note_does_not_grow_with_every_restart(tmp_path: Path) -> None:
    """After ten thousand short lives it is no longer than after some hundreds."""
    path = tmp_path / "children.json"
    note = Note(path)
    lasting = Identity("lasting", 1, 1.0)
    note.began([lasting])
    for number in range(10_000):
        one = Identity("one", number, 2.0)
        note.began([one])
        note.ended([one])
    assert path.stat().st_size < 200_000
    assert noted(path) == [lasting]
    note.close()


def test_a_note_that_was_deleted_is_written_again(tmp_path: Path) -> None:
    """With everybody who runs, at the next change."""
    path = tmp_path / "children.json"
    note = Note(path)
    one, two = Identity("one", 1, 2.0), Identity("two", 3, 4.0)
    note.began([one])
    path.unlink()
    note.began([two])
    assert noted(path) == [one, two]
    note.close()


def test_a_torn_line_leaves_the_others(tmp_path: Path) -> None:
    """A daemon that was killed while it wrote has noted the rest."""
    path = tmp_path / "children.json"
    note = Note(path)
    one = Identity("one", 1, 2.0)
    note.began([one])
    with path.open("ab") as file:
        file.write(b'["began",{"name":"tw')
    assert noted(path) == [one]
    note.close()


def test_a_process_that_is_gone_has_no_birthday() -> None:
    """0.0 is no time at which a process can have begun."""
    with bystander() as process:
        assert create_time(process.pid) > 0
    assert create_time(process.pid) == 0.0
