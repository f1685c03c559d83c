"""Which project a command was run in, as git sees it, but without git."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tars.cli.project import here


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_outside_a_repository_it_is_the_folder(folder: Path) -> None:
    """There is no branch then."""
    assert here() == (str(folder), "")


def test_a_repository_is_known_from_any_folder_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its branch is read off HEAD, a commit without one is told by the beginning of its hash."""
    deep = folder / "src" / "deep"
    deep.mkdir(parents=True)
    (folder / ".git").mkdir()
    head = folder / ".git" / "HEAD"
    monkeypatch.chdir(deep)
    for written, branch in (
        (b"ref: refs/heads/feature/login\n", "feature/login"),
        (b"0123456789abcdef0123456789abcdef01234567\n", "0123456789ab"),
        (b"", ""),
        (b"ref: refs/heads/\xff\n", "\ufffd"),
    ):
        head.write_bytes(written)
        assert here() == (str(folder), branch)
    head.unlink()
    assert here() == (str(folder), "")


@pytest.mark.parametrize("told", [b"gitdir: ../main/.git/worktrees/w\n", b"nonsense\n"])
def test_a_worktree_says_where_its_head_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, told: bytes
) -> None:
    """Its `.git` is a file; one that says nothing leaves the branch unknown."""
    head = folder / "main" / ".git" / "worktrees" / "w" / "HEAD"
    head.parent.mkdir(parents=True)
    head.write_text("ref: refs/heads/other\n")
    tree = folder / "tree"
    tree.mkdir()
    (tree / ".git").write_bytes(told)
    monkeypatch.chdir(tree)
    assert here() == (str(tree), "other" if told.startswith(b"gitdir") else "")


def test_a_folder_that_is_gone_is_no_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompt is sent all the same."""
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert here() == ("", "")
    monkeypatch.chdir(folder)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_says_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a repository and of a worktree of it."""

    def git(*words: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
        done = subprocess.run(
            ["git", *who, *words], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "x")
    git("worktree", "add", "-q", "-b", "side/line", str(folder / "tree"))
    (folder / "src").mkdir()
    for place in (folder / "src", folder / "tree"):
        monkeypatch.chdir(place)
        top, branch = git("rev-parse", "--show-toplevel"), git("branch", "--show-current")
        assert here() == (top, branch)
