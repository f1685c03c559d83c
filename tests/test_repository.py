"""The repository itself: what is committed, what is pinned, what is shipped."""

import importlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tars import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = PROJECT["name"]

#: Written so that these lines do not match themselves.
MACHINE_S_OWN = re.compile(
    rb"pypi[.]org|pythonhosted[.]org|npm[j]s[.](?:org|com)|deb[.]debian[.]org"
    rb"|index-ur[l]|/wor[k]/|/roo[t]/|/opt/pyp[i]|/tmp/bash[_]"
)


def tracked() -> list[Path]:
    """Every committed file, by its path in the repository."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is not a checkout")
    listed = subprocess.run(
        # CI may run as another user than the one whose clone it is.
        [git, "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [Path(name) for name in names if name and (ROOT / name).is_file()]


def pins() -> dict[str, str]:
    """constraints.txt: the version of each package, by its canonical name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.partition("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in pairs}


def needed(requirement: str, seen: set[str]) -> set[str]:
    """Give the packages that a requirement brings in on this machine, itself included."""
    wanted = Requirement(requirement)
    name = canonicalize_name(wanted.name)
    if name in seen:
        return seen
    seen.add(name)
    for text in metadata.requires(wanted.name) or ():
        marker = Requirement(text).marker
        extras = wanted.extras or {""}
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            needed(text, seen)
    return seen


def test_no_committed_file_names_a_registry_or_this_machine() -> None:
    """Installing asks whatever registry the machine is set up for, in whatever folder."""
    guilty = {
        f"{path}: {found.group().decode()}"
        for path in tracked()
        for found in MACHINE_S_OWN.finditer((ROOT / path).read_bytes())
    }
    assert guilty == set()


@pytest.mark.parametrize(
    "text",
    [b"https://registry.npm" + b"js.org/x", b"file:///wo" + b"rk/main", b"--index-" + b"url"],
)
def test_such_a_name_would_be_found(text: bytes) -> None:
    """The check above can fail."""
    assert MACHINE_S_OWN.search(text)


def test_every_dependency_is_pinned() -> None:
    """What `make` installs is the same on every machine: each package at one version."""
    everything = needed(f"{NAME}[test]", set()) - {canonicalize_name(NAME)}
    build = {"hatchling", "editables", "pip"}
    bench = {
        canonicalize_name(Requirement(r).name) for r in PROJECT["optional-dependencies"]["bench"]
    }
    assert (everything | build | bench) - pins().keys() == set()
    assert all(re.fullmatch(r"[0-9][0-9A-Za-z.+!]*", version) for version in pins().values())


def test_every_pin_satisfies_what_the_project_asks_for() -> None:
    """A range that was raised without `make constraints` cannot be installed."""
    extras = [r for group in PROJECT["optional-dependencies"].values() for r in group]
    asked = [Requirement(text) for text in [*PROJECT["dependencies"], *extras]]
    wrong = [r for r in asked if pins()[canonicalize_name(r.name)] not in r.specifier]
    assert wrong == []


def test_the_version_stands_in_one_place() -> None:
    """Package, command and metadata agree, because they read the same line."""
    assert PROJECT["dynamic"] == ["version"]
    assert metadata.version(NAME) == __version__
    said = subprocess.run(
        [Path(sys.executable).parent / "tars", "--version"], capture_output=True, text=True
    )
    assert said.stdout == f"tars {__version__}\n"


def test_the_wheel_has_everything_that_tars_needs(tmp_path: Path) -> None:
    """Each committed file of the package, the command, and nothing of the tests."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        script = archive.read(f"tars_supervisor-{__version__}.data/scripts/tars")
    package = {str(p.relative_to("src")) for p in tracked() if p.parts[:2] == ("src", "tars")}

    assert package - names == set()
    assert {"tars/py.typed", "tars/config.example.toml"} <= names
    assert any(name.startswith("tars/store/migrations/versions/") for name in names)
    # An installer puts the path of its Python here.
    assert script.startswith(b"#!python\n")
    assert {name.partition("/")[0] for name in names} == {
        "tars",
        f"tars_supervisor-{__version__}.data",
        f"tars_supervisor-{__version__}.dist-info",
    }


def test_what_measures_has_what_it_imports() -> None:
    """`make bench` is run seldom: something that it needs may have moved meanwhile."""
    assert importlib.import_module("benchmarks.__main__").__doc__
