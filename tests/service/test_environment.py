"""What a service finds for its agents: programs, and keys."""

from pathlib import Path

import pytest

from tars.service.environment import find_programs, keys_faults, service_path
from tars.service.plan import STANDARD_PATH


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return folder


def test_path_comes_before_the_usual_places(tmp_path: Path) -> None:
    """What the person runs is what the service runs."""
    mine = program(tmp_path / "mine", "claude")
    program(tmp_path / ".local/bin", "claude")
    node = program(tmp_path / ".volta/bin", "node")
    found = find_programs(["node", "claude", "gemini"], {"PATH": str(mine)}, tmp_path)
    assert found.folders == (str(mine), str(node))
    assert found.missing == ("gemini",)


def test_the_newest_node_of_nvm_is_taken(tmp_path: Path) -> None:
    """By its version, not by its letters."""
    for version in ("v9.11.2", "v20.2.0", "v20.11.1"):
        program(tmp_path / ".nvm/versions/node" / version / "bin", "node")
    found = find_programs(["node"], {}, tmp_path)
    assert found.folders == (str(tmp_path / ".nvm/versions/node/v20.11.1/bin"),)


def test_a_folder_that_will_be_gone_is_followed() -> None:
    """fnm makes a link for each shell, which is gone after it: what it leads to counts."""
    # pytest's own folders are below /tmp, as such links may be.
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name).resolve()
        lasting = program(folder / "v20/bin", "node")
        (folder / "shell").symlink_to(folder / "v20")
        found = find_programs(["node"], {"PATH": str(folder / "shell" / "bin")}, folder)
    assert found.folders == (str(lasting),)


def test_a_program_by_its_path_needs_no_folder(tmp_path: Path) -> None:
    """`command = ["/opt/x/agent"]` is found wherever it runs."""
    path = str(program(tmp_path, "agent") / "agent")
    assert find_programs([path], {}, tmp_path) == find_programs([], {}, tmp_path)


def test_the_path_of_the_service_has_each_folder_once() -> None:
    """tars' own, the programs', then those of every system; none that would end PATH early."""
    path = service_path("/home/you/bin/tars", ["/usr/bin", "/n/bin", "/a:b"], STANDARD_PATH)
    assert path == ("/home/you/bin", "/n/bin", *STANDARD_PATH)


@pytest.mark.parametrize(
    ("text", "mode", "fault"),
    [
        ("# keys\n; more\n\nA_KEY=b c\n", 0o600, ""),
        ("A_KEY=secret\n", 0o640, "Others can read"),
        ("export A_KEY=secret\n", 0o600, "line 1 is not of the form NAME=value"),
        ("A=1\nnonsense\n", 0o400, "line 2"),
    ],
)
def test_the_file_of_keys_is_checked(tmp_path: Path, text: str, mode: int, fault: str) -> None:
    """Its rights and its form; what stands in it is never told."""
    path = tmp_path / "env"
    path.write_text(text)
    path.chmod(mode)
    said = " ".join(keys_faults(path))
    assert fault in said
    assert bool(said) is bool(fault)
    assert "secret" not in said


def test_a_file_of_keys_need_not_be_there(tmp_path: Path) -> None:
    """But a folder in its place is told, and so is what is no text."""
    assert keys_faults(tmp_path / "env") == []
    assert "not a file" in keys_faults(tmp_path)[0]
    (tmp_path / "binary").write_bytes(b"\xff")
    assert "UTF-8" in keys_faults(tmp_path / "binary")[0]
