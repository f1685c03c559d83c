"""What a login gives agents and a service does not: the folders of PATH, and keys from a file."""

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tars.config_faults import OTHERS_CAN_READ
from tars.env_file import VARIABLE_NAME

#: Where the usual ways to install Node.js and agents put programs, under a person's folder.
#: nvm has a folder for each version; the newest comes first.
_PLACES = (
    ".local/bin",
    ".nvm/versions/node/*/bin",
    ".volta/bin",
    ".local/share/fnm/aliases/default/bin",
    ".local/share/mise/shims",
    ".asdf/shims",
    ".npm-global/bin",
    ".local/share/pnpm",
    ".bun/bin",
    ".opencode/bin",
    ".cargo/bin",
)
_ELSEWHERE = ("/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin", "/snap/bin")
#: What lies here is gone after the next start of the machine, or sooner.
_FLEETING = ("/run/", "/tmp/", "/var/run/", "/var/tmp/")


#: What people export in their shell for agents; a service does not see it there.
KEYS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_CLOUD_PROJECT",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "HTTPS_PROXY",
)


@dataclass(frozen=True, slots=True)
class Programs:
    """`folders` are those that hold the programs; `missing` are programs that none holds."""

    folders: tuple[str, ...]
    missing: tuple[str, ...]


def find_programs(names: Iterable[str], env: Mapping[str, str], person: Path) -> Programs:
    """Look for programs in PATH, then where the usual ways to install them put them."""
    search = [folder for folder in env.get("PATH", "").split(os.pathsep) if folder]
    search += [str(folder) for place in _PLACES for folder in _newest_first(person, place)]
    search += _ELSEWHERE
    found: set[str] = set()
    missing: list[str] = []
    for name in names:
        holder = next((each for each in search if shutil.which(name, path=each)), None)
        if os.path.isabs(name):
            continue
        if holder is None:
            missing.append(name)
        else:
            found.add(holder)
    ordered = dict.fromkeys(_lasting(each) for each in search if each in found)
    return Programs(tuple(ordered), tuple(dict.fromkeys(missing)))


def service_path(
    command: str, programs: Iterable[str], standard: tuple[str, ...]
) -> tuple[str, ...]:
    """Give PATH: tars' own folder, those of the programs, and those that every system has."""
    own = os.path.dirname(command)
    special = [own, *(folder for folder in programs if folder not in standard)]
    return tuple(each for each in dict.fromkeys([*special, *standard]) if ":" not in each)


def keys_faults(path: Path) -> list[str]:
    """Say what is wrong with the file of keys, if it is there; no value is told."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return [f"{path} is not a file."]
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"{path} cannot be read: {error.strerror}."]
    except UnicodeDecodeError:
        return [f"{path} is not UTF-8."]
    faults = []
    if about.st_mode & OTHERS_CAN_READ:
        faults.append(f"Others can read {path}: chmod 600 {path}")
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, _ = line.strip().partition("=")
        # systemd and a shell read it: no `export`, no space around the equals sign.
        if name and name[0] not in "#;" and not (equals and VARIABLE_NAME.fullmatch(name)):
            faults.append(f"{path}: line {number} is not of the form NAME=value.")
    return faults


def unheard(path: Path, env: Mapping[str, str], configured: Iterable[str]) -> list[str]:
    """Name what is set here for agents, and would not be for those of a service: it is neither
    in the file of keys nor `configured`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    told = {line.strip().partition("=")[0] for line in lines} | set(configured)
    return [name for name in KEYS if env.get(name) and name not in told]


def _newest_first(person: Path, place: str) -> list[Path]:
    return sorted(person.glob(place), key=_version, reverse=True)


def _version(folder: Path) -> list[int]:
    """v9.1.0 is older than v20.11.0."""
    name = folder.parent.name.removeprefix("v")
    return [int(part) if part.isdecimal() else 0 for part in name.split(".")]


def _lasting(folder: str) -> str:
    """fnm gives each shell a link of its own, beneath /run: what it leads to stays."""
    return os.path.realpath(folder) if folder.startswith(_FLEETING) else folder
