"""Which project this command was run in: its folder and its branch, found without running git."""

import os

#: What is read of a small file of git's, at most.
_MOST = 4096


def here() -> tuple[str, str]:
    """Give the top folder of the repository around the working directory, or that directory
    itself, and the branch; each is empty where it cannot be told."""
    try:
        folder = os.getcwd()
    except OSError:  # it was deleted
        return "", ""
    top = folder
    while not os.path.lexists(os.path.join(top, ".git")):
        above = os.path.dirname(top)
        if above == top:
            return folder, ""
        top = above
    return top, _branch(os.path.join(top, ".git"))


def _branch(git: str) -> str:
    """Read the branch off HEAD; in a worktree `.git` is a file that tells where it is."""
    if not os.path.isdir(git):
        told = _first_line(git)
        if not told.startswith("gitdir:"):
            return ""
        git = os.path.join(os.path.dirname(git), told.removeprefix("gitdir:").strip())
    head = _first_line(os.path.join(git, "HEAD"))
    if head.startswith("ref:"):
        return head.removeprefix("ref:").strip().removeprefix("refs/heads/")
    return head[:12]  # no branch: a commit by its hash


def _first_line(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST).partition(b"\n")[0].decode("utf-8", "replace").strip()
    except OSError:
        return ""
