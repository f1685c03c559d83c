"""What a service is made of, whichever manager runs it: values, no files."""

from dataclasses import dataclass

#: Where programs are on every system; they come last.
STANDARD_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
#: What launchd has besides, Homebrew's folder first.
MACOS_PATH = ("/opt/homebrew/bin", *STANDARD_PATH, "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Plan:
    """One daemon as a service. All paths are absolute.

    `command` is what is run before `start --foreground`; `path` are the folders that agents
    find programs in; `person` is the folder that ~ stands for. `home` is TARS_HOME, which is
    `person`/.tars unless somebody moved it. `user` is whose daemon a system unit runs, and
    empty for a unit of one's own. With `socket` the first client starts the daemon.
    """

    command: tuple[str, ...]
    path: tuple[str, ...]
    person: str
    home: str
    user: str = ""
    socket: bool = False

    @property
    def keys(self) -> str:
        """The file of the keys that agents need, one NAME=value a line."""
        return f"{self.home}/env"

    @property
    def control_socket(self) -> str:
        return f"{self.home}/run/tars.sock"

    @property
    def moved(self) -> bool:
        """Whether the home is elsewhere than in ~/.tars."""
        return self.home != f"{self.person}/.tars"


def documented(person: str, standard: tuple[str, ...] = STANDARD_PATH) -> Plan:
    """Give what most people have: tars from pipx, programs where every system has them."""
    programs = f"{person}/.local/bin"
    return Plan(
        command=(f"{programs}/tars",),
        path=(programs, *standard),
        person=person,
        home=f"{person}/.tars",
    )
