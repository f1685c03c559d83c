"""A real systemd in namespaces of its own: the machine's, with one person's manager in it.

It takes root and `unshare`. Its first process is systemd; /run, /etc/systemd/system and
/var/lib/systemd are empty file systems of its own, so nothing of this machine is changed, and
nothing of it outlives the namespace. Control groups: one of its own, with a view from there.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.tars_home import service_manager

ROOT = Path(__file__).parents[2]
PATIENCE = 100.0

#: Of the machine: a few targets, and the manager of the one person there is, who is root.
TARGETS = ("sysinit", "basic", "sockets", "shutdown", "exit", "network-online", "multi-user")
UNITS = {
    **{f"{name}.target": "[Unit]\nDefaultDependencies=no\n" for name in TARGETS},
    "default.target": "[Unit]\nDefaultDependencies=no\nWants=multi-user.target person.service\n",
    "person.service": """\
[Unit]
DefaultDependencies=no
[Service]
Type=notify
Environment=HOME={home} XDG_RUNTIME_DIR=/run/user/0
Environment=SYSTEMD_UNIT_PATH={home}/units:{home}/.config/systemd/user
ExecStart=/lib/systemd/systemd --user
Delegate=yes
KillMode=mixed
""",
}
#: Of the person.
PERSONS_TARGETS = ("basic", "sockets", "shutdown", "exit", "default")

#: From here into the namespaces.
ENTER = """\
echo 0 > "$3/cgroup.procs"
exec unshare --fork --kill-child --pid --mount --mount-proc --cgroup --ipc --uts sh "$0" "$@"
"""
#: Run as the first process of the namespaces, which becomes systemd.
BOOT = """\
set -e
mount --make-rprivate /
mount -o bind,ro /proc/sys /proc/sys
umount -R /sys/fs/cgroup || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for each in /run /etc/systemd/system /var/lib/systemd; do mount -t tmpfs tmpfs "$each"; done
mkdir -p /run/systemd/system /var/lib/systemd/linger
mkdir -m 700 -p /run/user/0
cp "$1"/machine/* /etc/systemd/system/
# A Python in a folder that is root's alone is nobody else's: here everybody may use it.
if [ -n "$5" ]; then
    mkdir /run/python
    mount --bind "$4" /run/python
    mount -t tmpfs -o mode=755 tmpfs "$5"
    mkdir -p "$4"
    mount --bind /run/python "$4"
fi
exec env -i PATH="$PATH" NOTIFY_SOCKET="$2" container=tars SYSTEMD_UNIT_PATH=/etc/systemd/system \\
    /lib/systemd/systemd --system --log-target=console --log-level=info --show-status=no
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """`pid` is its first process; `home` is the person's folder."""

    pid: int
    home: Path

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "PATH": f"{self.home}/.local/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": "/run/user/0",
            "LANG": "C.UTF-8",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the machine, as the person, to its end."""
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--cgroup", *words],
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def tars(self, *words: str, status: int = 0) -> str:
        """Run one command of tars, which has to end so; give all that it said."""
        done = self.run("tars", *words)
        said = done.stdout + done.stderr
        assert done.returncode == status, f"tars {words} ended with {done.returncode}\n{said}"
        return said

    def show(self, name: str, unit: str = "tars.service", *, system: bool = False) -> str:
        """Give one property of a unit."""
        scope = "--system" if system else "--user"
        done = self.run("systemctl", scope, "show", unit, "--value", f"--property={name}")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def until(self, name: str, value: str, *, other: bool = False, system: bool = False) -> str:
        """Wait until a property of the service is so, or (`other`) is not any more."""
        found = ""
        for _ in range(round(PATIENCE / 0.05)):
            found = self.show(name, system=system)
            if (found == value) is not other:
                return found
        raise AssertionError(f"{name} stayed {found}")


def unavailable() -> str:
    """Say why there can be no such machine here, or nothing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it takes Linux and root"
    for program in ("unshare", "nsenter", "systemctl"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    return "" if Path("/lib/systemd/systemd").exists() else "there is no systemd"


@contextlib.contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """Boot one, with a home in this folder. All that runs in it ends with it."""
    home = folder / "you"
    _furnish(home, folder / "machine")
    boot = folder / "boot"
    boot.write_text(BOOT)
    with _own_group() as group, service_manager(folder) as manager:
        python = Path(sys.base_prefix)
        closed = next((p for p in reversed(python.parents) if not p.stat().st_mode & 0o001), "")
        words = [*map(str, (folder, manager.env["NOTIFY_SOCKET"], group, python, closed))]
        with (folder / "console").open("w") as console:
            outer = subprocess.Popen(
                ["sh", "-c", ENTER, str(boot), *words],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        try:
            manager.until("READY=1")
            (first,) = psutil.Process(outer.pid).children()
            yield Machine(first.pid, home)
        except BaseException:
            print((folder / "console").read_text(), file=sys.stderr)
            raise
        finally:
            outer.kill()  # and with it, by --kill-child, the first process and its namespace
            outer.wait(PATIENCE)
            psutil.wait_procs(_inside(group), timeout=PATIENCE)


def _furnish(home: Path, machine: Path) -> None:
    (home / "units").mkdir(parents=True)
    (home / ".local" / "bin").mkdir(parents=True)
    (home / ".local" / "bin" / "tars").symlink_to(Path(sys.executable).parent / "tars")
    for name in PERSONS_TARGETS:
        (home / "units" / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    machine.mkdir()
    for name, text in UNITS.items():
        (machine / name).write_text(text.replace("{home}", str(home)))


@contextlib.contextmanager
def _own_group() -> Iterator[Path]:
    """A control group below the one that we are in."""
    mounted = next(p for p in psutil.disk_partitions(all=True) if p.fstype == "cgroup2").mountpoint
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next(line for line in lines if line.startswith("0::"))[3:].strip("/")
    group = Path(mounted) / own / f"tars-machine-{os.getpid()}"
    group.mkdir()
    try:
        yield group
    finally:
        folders = sorted(group.rglob("*/"), key=lambda p: len(p.parts), reverse=True)
        for each in [*folders, group]:
            with contextlib.suppress(OSError):
                each.rmdir()


def _inside(group: Path) -> list[psutil.Process]:
    found = []
    for procs in group.rglob("cgroup.procs"):
        for pid in procs.read_text().split():
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(int(pid)))
    return found
