"""Gemini CLI's session files are counted once, and outlive what deletes them."""

import json
import os
import shutil
import stat
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tars.agents.gemini.history import SAFE_MINUTE, GeminiHistory
from tars.agents.kind import History
from tars.conversation.model import RequestUsage

RECORDED = Path(__file__).parents[2] / "golden" / "gemini" / "session_files"
ACP = "262c497a-8339-44d5-b9a5-40738f3f5164"
HEADLESS = "11111111-2222-4333-8444-555555555555"
SESSION = "aaaaaaaa-0000-4000-8000-000000000001"
#: Another session whose file has the same name but for the minute.
TWIN = "aaaaaaaa-0000-4000-8000-000000000002"
NOW = "2026-11-21T02-35"

#: On most machines two file systems, and tests write to one of them.
FILE_SYSTEMS = Path("/tmp"), Path("/dev/shm")


class Chats:
    """Gemini CLI's folder of one project, with a folder of ours for the links."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / ".gemini"
        self.keep = folder / "keep"
        self.folder = self.root / "tmp" / "project" / "chats"
        self.folder.mkdir(parents=True)

    def history(self, session: str = SESSION, mark: str = "0") -> GeminiHistory:
        return GeminiHistory(self.root, session, self.keep, mark)

    def file(self, session: str = SESSION, minute: str = NOW) -> Path:
        return self.folder / f"session-{minute}-{session[:8]}.jsonl"

    def write(self, *lines: str, session: str = SESSION, minute: str = NOW) -> Path:
        path = self.file(session, minute)
        path.write_text("".join(line + "\n" for line in (header(session), *lines)))
        return path

    def recorded(self, name: str, session: str) -> Path:
        return Path(shutil.copyfile(RECORDED / name, self.file(session)))

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def chats(tmp_path: Path) -> Chats:
    """An empty project."""
    return Chats(tmp_path)


def header(session: str = SESSION) -> str:
    return json.dumps({"sessionId": session, "kind": "main", "startTime": "2026-11-21T02:35:16Z"})


def user(text: str = "hello") -> str:
    return json.dumps({"id": "u", "type": "user", "content": [{"text": text}]})


def answer(id: str, input: object = 100, output: object = 10, **more: object) -> str:
    tokens = {"input": input, "output": output, "cached": 0, "thoughts": 0}
    return json.dumps({"id": id, "type": "gemini", "tokens": tokens, "model": "m", **more})


def copied(*lines: str) -> str:
    """A `$set` of messages, as a load or a resume writes it."""
    return json.dumps({"$set": {"messages": [json.loads(line) for line in lines]}})


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def ids(requests: tuple[RequestUsage, ...] | None) -> list[str] | None:
    return None if requests is None else [request.id for request in requests]


def figures(requests: tuple[RequestUsage, ...] | None) -> list[tuple[int, int, int, int]]:
    assert requests is not None
    return [(r.input, r.output, r.cached, r.thoughts) for r in requests]


class TestReading:
    """Each request once, and nothing guessed."""

    def test_a_recording_over_acp_gives_each_request_in_order(self, chats: Chats) -> None:
        """The turn with tools took 1000, 1100 and 1200 tokens; one request came before it."""
        chats.recorded("session_file_acp.jsonl", ACP)
        requests = chats.history(ACP).read()
        assert figures(requests) == [
            (5000, 10, 4000, 7),
            (1000, 10, 0, 5),
            (1100, 20, 900, 6),
            (1200, 30, 1000, 7),
        ]
        assert requests is not None
        assert requests[0] == RequestUsage(
            "ced67a79-2171-48f0-ae51-89001c16c358",
            "gemini-2.5-flash",
            5000,
            10,
            cached=4000,
            thoughts=7,
            at="2026-11-21T02:35:16.574Z",
        )

    def test_resuming_counts_nothing_again(self, chats: Chats) -> None:
        """Three resumes copied the history into the file and wrote ids twice."""
        chats.recorded("session_file_headless.jsonl", HEADLESS)
        requests = chats.history(HEADLESS).read()
        assert figures(requests) == [
            (5000, 10, 0, 3),
            (7880, 19, 0, 0),
            (7924, 22, 0, 0),
            (1000, 10, 0, 5),
            (1100, 20, 900, 6),
            (1200, 30, 1000, 7),
        ]
        assert len(set(ids(requests) or ())) == 6

    def test_a_recording_read_line_by_line_gives_the_same(self, chats: Chats) -> None:
        """It does not matter when the file is looked at."""
        whole = (RECORDED / "session_file_headless.jsonl").read_text()
        path = chats.file(HEADLESS)
        history = chats.history(HEADLESS)
        seen: list[str] = []
        for line in whole.splitlines(keepends=True):
            append(path, line)
            seen += ids(history.read()) or ()
        path.write_text(whole)
        assert seen == ids(chats.history(HEADLESS).read())

    def test_it_is_a_history(self, chats: Chats) -> None:
        """It keeps the contract of every agent's log."""
        history: History = chats.history()
        assert history.mark() == "0"

    def test_a_mark_divides_what_was_read_from_what_was_not(self, chats: Chats) -> None:
        """A later history that starts from the mark gives only what was appended since."""
        path = chats.write(user(), answer("a"))
        history = chats.history()
        assert ids(history.read()) == ["a"]
        assert ids(history.read()) == []
        assert history.mark() == str(path.stat().st_size)
        append(path, answer("b") + "\n")
        assert ids(chats.history(mark=history.mark()).read()) == ["b"]

    @pytest.mark.parametrize("mark", ["", "none", "-5", "²"])
    def test_without_a_mark_what_is_there_was_read(self, chats: Chats, mark: str) -> None:
        """What cannot be a mark is none."""
        path = chats.write(answer("a"))
        history = chats.history(mark=mark)
        append(path, answer("b") + "\n")
        assert ids(history.read()) == ["b"]

    def test_a_torn_line_is_finished_next_time(self, chats: Chats) -> None:
        """The mark stays before it meanwhile."""
        path = chats.write(answer("a"))
        before = path.stat().st_size
        line = answer("b") + "\n"
        append(path, line[:30])
        history = chats.history()
        assert ids(history.read()) == ["a"]
        assert history.mark() == str(before)
        append(path, line[30:])
        assert ids(history.read()) == ["b"]

    def test_a_line_rewritten_when_its_tools_are_done_counts_once(self, chats: Chats) -> None:
        """The last line of an id wins; after a read there is nothing to win any more."""
        path = chats.write(answer("a", 1), answer("a", 2))
        history = chats.history()
        assert figures(history.read()) == [(2, 10, 0, 0)]
        append(path, answer("a", 3, toolCalls=[{"id": "t"}]) + "\n")
        assert history.read() == ()

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "not json",
            "null",
            "[]",
            "7",
            '{"a":' * 3000,
            '{"x":' + "[" * 100_000,
            user(),
            copied(answer("copy")),
            answer(""),
            answer("x", type="info"),
            answer("x", tokens=None),
            answer("x", tokens={}),
            answer("x", tokens=[1, 2]),
            answer("x", tokens={"promptTokens": 5, "candidateTokens": 6}),
            answer("x", tokens={"input": 5}),
            answer("x", "100"),
            answer("x", 1.5),
            answer("x", None),
            answer("x", True),
            answer("x", -1),
            answer("x", 10**20),
            answer("x", 100, 2**60),
            answer("x", model=3),
            json.dumps({"type": "gemini", "tokens": {"input": 1, "output": 1}}),
        ],
        ids=lambda line: line[:60],
    )
    def test_what_does_not_fit_is_left_out(self, chats: Chats, line: str) -> None:
        """A format that changed gives nothing rather than a guess, and harms no neighbour."""
        chats.write(answer("before"), line, answer("after"))
        assert ids(chats.history().read()) == ["before", "after"]

    def test_text_that_is_not_utf_8_is_left_out(self, chats: Chats) -> None:
        """Broken bytes in a line, even in the first, are no exception."""
        path = chats.write(answer("a"))
        with path.open("ab") as file:
            file.write(b'{"id":"\xff","type":"gemini","tokens":{"input":1,"output":1}}\n\xfe\n')
        chats.file(minute="2026-11-21T02-36").write_bytes(b'{"sessionId":"\xff"}\n')
        assert ids(chats.history().read()) == ["a"]

    def test_no_file_is_not_an_empty_file(self, chats: Chats) -> None:
        """None says that the log cannot be read; a file that appears later is read whole."""
        history = chats.history(mark="")
        assert history.read() is None
        chats.write(answer("a"))
        assert ids(history.read()) == ["a"]

    def test_a_file_that_shrank_gives_nothing(self, chats: Chats) -> None:
        """What it holds now cannot be told from what was counted; what is appended can."""
        path = chats.write(answer("a"), answer("b"))
        history = chats.history()
        history.read()
        chats.write(answer("c"))
        assert history.read() == ()
        append(path, answer("d") + "\n")
        assert ids(history.read()) == ["d"]

    def test_a_file_deleted_after_it_was_found_is_gone(self, chats: Chats) -> None:
        """The history says so instead of failing."""
        path = chats.write(answer("a"))
        history = chats.history()
        path.unlink()
        assert history.read() is None

    def test_sessions_that_share_eight_characters_are_told_apart(self, chats: Chats) -> None:
        """The file's first line says whose it is, not its name."""
        chats.write(answer("mine"))
        chats.write(answer("other"), answer("larger"), session=TWIN, minute="2026-11-21T02-36")
        assert ids(chats.history(SESSION).read()) == ["mine"]
        assert ids(chats.history(TWIN).read()) == ["other", "larger"]

    def test_the_project_folder_does_not_matter(self, chats: Chats) -> None:
        """Gemini CLI names it; the session is found in any."""
        path = chats.write(answer("a"))
        chats.folder.parent.rename(chats.root / "tmp" / "project-1")
        assert not path.exists()
        assert ids(chats.history().read()) == ["a"]

    @pytest.mark.parametrize("session", ["**", "[a]*?", "../../x", "x" * 5000, "\0", "", "é\ud800"])
    def test_any_text_may_be_a_session_id(self, chats: Chats, session: str) -> None:
        """An odd id finds nothing, and it is no pattern either."""
        path = chats.write(answer("a"))
        history = chats.history(session)
        history.guard()
        history.tidy()
        assert history.read() is None
        assert path.exists()


class TestGuarding:
    """Loading a session cannot lose it."""

    def test_the_file_moves_to_a_minute_that_is_never_now(self, chats: Chats) -> None:
        """A load in the minute of the session's start would write over it; marks stay valid."""
        path = chats.write(answer("a"))
        history = chats.history()
        history.read()
        mark = history.mark()
        history.guard()
        safe = chats.file(minute=SAFE_MINUTE)
        assert chats.names() == [safe.name]
        assert history.mark() == mark
        append(safe, answer("b") + "\n")
        assert ids(history.read()) == ["b"]
        assert ids(chats.history(mark=mark).read()) == ["b"]
        assert not path.exists()

    def test_guarding_twice_changes_nothing(self, chats: Chats) -> None:
        """Each start guards."""
        chats.write(answer("a"))
        chats.history().guard()
        before = chats.file(minute=SAFE_MINUTE).read_bytes()
        chats.history().guard()
        assert chats.file(minute=SAFE_MINUTE).read_bytes() == before
        assert len(chats.names()) == 1

    def test_a_stub_is_removed(self, chats: Chats) -> None:
        """It would make the next start delete the session, even when it is the larger file."""
        chats.write(answer("a"), minute=SAFE_MINUTE)
        chats.write(copied(user("context" * 1000)), minute=NOW)
        history = chats.history()
        history.guard()
        assert chats.names() == [chats.file(minute=SAFE_MINUTE).name]
        assert ids(history.read()) == ["a"]

    def test_a_second_file_with_messages_is_not_replaced(self, chats: Chats) -> None:
        """Both are left: neither can be told to be worthless."""
        chats.write(answer("a"), minute=SAFE_MINUTE)
        chats.write(answer("b"), answer("c"), minute=NOW)
        chats.history().guard()
        assert len(chats.names()) == 2

    def test_nobody_else_can_read_what_is_kept(self, chats: Chats) -> None:
        """The link is another name of the file; its folder and the note are ours alone."""
        chats.write(answer("a")).chmod(0o600)
        chats.history().guard()
        link, note = chats.keep / f"gemini-{SESSION}.jsonl", chats.keep / f"gemini-{SESSION}.folder"
        assert link.samefile(chats.file(minute=SAFE_MINUTE))
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (chats.keep, link, note)]
        assert modes == [0o700, 0o600, 0o600]

    def test_a_read_makes_the_link_too(self, chats: Chats) -> None:
        """A session that nobody restarts is safe from its first turn on."""
        path = chats.write(answer("a"))
        chats.history().read()
        assert (chats.keep / f"gemini-{SESSION}.jsonl").samefile(path)

    def test_a_deleted_file_comes_back(self, chats: Chats) -> None:
        """Its folder too; the mark stays valid, and what is there then is linked anew."""
        chats.write(answer("a"))
        history = chats.history()
        history.guard()
        history.read()
        shutil.rmtree(chats.root)
        later = chats.history(mark=history.mark())
        later.guard()
        safe = chats.file(minute=SAFE_MINUTE)
        assert stat.S_IMODE(safe.stat().st_mode) == 0o600
        assert (chats.keep / f"gemini-{SESSION}.jsonl").samefile(safe)
        append(safe, answer("b") + "\n")
        assert ids(later.read()) == ["b"]

    def test_a_folder_whose_name_is_not_text_is_remembered(self, tmp_path: Path) -> None:
        """A file name is bytes."""
        odd = tmp_path / os.fsdecode(b"caf\xe9")
        odd.mkdir()
        chats = Chats(odd)
        chats.write(answer("a"))
        chats.history().read()
        chats.file().unlink()
        chats.history().guard()
        assert ids(chats.history().read()) == ["a"]

    @pytest.mark.parametrize("note", [b"", b"\0", b"\xff\0"])
    def test_a_spoilt_note_restores_nothing(self, chats: Chats, note: bytes) -> None:
        """It is no exception, and nothing is written into the project."""
        chats.write(answer("a")).chmod(0o600)
        chats.history().guard()
        chats.file(minute=SAFE_MINUTE).unlink()
        (chats.keep / f"gemini-{SESSION}.folder").write_bytes(note)
        with TemporaryDirectory() as elsewhere, chdir(elsewhere):
            chats.history().guard()
            assert os.listdir() == []
        assert chats.names() == []

    def test_nothing_is_restored_without_a_link(self, chats: Chats) -> None:
        """A session that was never here is not invented."""
        chats.history().guard()
        assert chats.names() == []

    def test_only_the_current_session_is_kept(self, chats: Chats) -> None:
        """The links of other sessions would keep deleted conversations for ever."""
        chats.write(answer("other"), session=TWIN)
        chats.history(TWIN).guard()
        chats.write(answer("mine"), minute="2026-11-21T02-36")
        chats.history(SESSION).guard()
        assert {path.stem for path in chats.keep.iterdir()} == {f"gemini-{SESSION}"}

    def test_across_file_systems_a_copy_is_kept(self, chats: Chats) -> None:
        """A hard link cannot leave its file system."""
        ours = chats.root.stat().st_dev
        others = [path for path in FILE_SYSTEMS if path.is_dir() and path.stat().st_dev != ours]
        if not others:
            pytest.skip("there is no second file system to write to")
        with TemporaryDirectory(dir=others[0]) as other:
            chats.keep = Path(other) / "keep"
            path = chats.write(answer("a"))
            path.chmod(0o644)
            chats.history().read()
            link = chats.keep / f"gemini-{SESSION}.jsonl"
            assert link.read_bytes() == path.read_bytes()
            assert stat.S_IMODE(link.stat().st_mode) == 0o600
            append(path, answer("b") + "\n")
            chats.history().guard()
            chats.file(minute=SAFE_MINUTE).unlink()
            chats.history().guard()
            assert ids(chats.history().read()) == ["a", "b"]


class TestTidying:
    """What a load leaves behind goes, and nothing else."""

    def test_only_stubs_of_this_session_go(self, chats: Chats) -> None:
        """Another session's stub is another's to remove."""
        chats.write(answer("a"), minute=SAFE_MINUTE)
        chats.write(copied(user()), minute="2026-11-21T02-36")
        other = chats.write(copied(user()), session=TWIN, minute="2026-11-21T02-37")
        chats.history().tidy()
        assert chats.names() == [chats.file(minute=SAFE_MINUTE).name, other.name]

    @pytest.mark.parametrize(
        "line", [user(), answer("b"), answer("b", "new format"), '{"type": 1}', "not json"]
    )
    def test_a_file_that_may_hold_a_message_stays(self, chats: Chats, line: str) -> None:
        """What cannot be read is not deleted."""
        chats.write(answer("a"), minute=SAFE_MINUTE)
        second = chats.write(line)
        chats.history().tidy()
        assert second.exists()

    def test_the_only_file_stays(self, chats: Chats) -> None:
        """A session without a message yet has no stub beside it: it is the file."""
        path = chats.write()
        chats.history().tidy()
        assert path.exists()

    def test_without_a_file_there_is_nothing_to_do(self, chats: Chats) -> None:
        """No file, no folder, no error."""
        shutil.rmtree(chats.root)
        chats.history().tidy()
        assert not chats.root.exists()


class TestTroubleWithTheDisk:
    """Whatever the disk says, the agent goes on."""

    def test_a_file_in_the_place_of_a_folder(self, tmp_path: Path) -> None:
        """Neither the agent's folder nor ours needs to be one."""
        root, keep = tmp_path / "root", tmp_path / "keep"
        root.write_text("a file")
        keep.write_text("a file")
        history = GeminiHistory(root, SESSION, keep)
        history.guard()
        history.tidy()
        assert history.read() is None
        assert history.mark() == "0"

    def test_a_folder_in_the_place_of_the_file(self, chats: Chats) -> None:
        """It is not the session's."""
        chats.file().mkdir()
        history = chats.history()
        history.guard()
        history.tidy()
        assert history.read() is None

    def test_keeping_no_link_does_not_keep_from_reading(self, chats: Chats) -> None:
        """The tokens count although the link cannot be made."""
        chats.keep.write_text("a file")
        chats.write(answer("a"))
        history = chats.history()
        history.guard()
        assert ids(history.read()) == ["a"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    @pytest.mark.parametrize("which", ["root", "folder"])
    def test_folders_that_may_not_be_read(self, chats: Chats, which: str) -> None:
        """A refusal is like an absence, before and after the file was found."""
        chats.write(answer("a"))
        found = chats.history()
        folder: Path = getattr(chats, which)
        folder.chmod(0)
        try:
            for history in (found, chats.history()):
                history.guard()
                history.tidy()
                assert history.read() is None
        finally:
            folder.chmod(0o700)
