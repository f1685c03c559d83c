"""`systemctl` and `launchctl` for tests: real programs that remember what they were told.

Each call is a line of `calls` in the folder; what is enabled, active or loaded is a file there.
"""

from dataclasses import dataclass
from pathlib import Path

SYSTEMCTL = """\
#!/bin/sh
cd "{folder}" || exit 1
echo "$*" >> calls
verb=; units=; now=
for word in "$@"; do case "$word" in
    --user|--system|--no-*) ;;
    --now) now=yes ;;
    --*) ;;
    *) if [ -z "$verb" ]; then verb=$word; else units="$units $word"; fi ;;
esac; done
if [ -e broken ]; then cat broken >&2; exit 1; fi
for unit in $units; do
    file="$HOME/.config/systemd/user/$unit"
    case "$verb" in
    enable) touch "enabled.$unit" ;;
    disable) rm -f "enabled.$unit"; [ -z "$now" ] || rm -f "active.$unit" ;;
    start)
        if [ -e "fails.$unit" ]; then
            echo "Job for $unit failed because of unavailable resources." >&2; exit 1
        fi
        touch "active.$unit" ;;
    stop) rm -f "active.$unit" ;;
    show)
        echo "NeedDaemonReload=no"
        if [ -e "enabled.$unit" ]; then echo UnitFileState=enabled; else echo UnitFileState=; fi
        if [ -e "active.$unit" ]; then
            echo ActiveState=active; echo SubState=running; echo MainPID=4242
            echo "StatusText=echo: ready"
        else
            echo ActiveState=inactive; echo SubState=dead; echo MainPID=0
        fi
        [ -e "$file" ] || continue
        sed -n "s|%h|$HOME|g; s/^Environment=//p" "$file" | tr '\\n' ' ' | sed 's/^/Environment=/'
        echo
        sed -n "s|%h|$HOME|g; s/^ExecStart=:*\\([^ ]*\\).*/ExecStart={{ path=\\1 ; argv[]=x }}/p" \\
            "$file" ;;
    esac
done
"""

LAUNCHCTL = """\
#!/bin/sh
cd "{folder}" || exit 1
echo "$*" >> calls
case "$1" in
print)
    [ -e loaded ] || {{ echo "Could not find service" >&2; exit 113; }}
    printf '\\tstate = running\\n\\tpid = 4242\\n' ;;
bootstrap) touch loaded ;;
bootout) rm loaded ;;
esac
"""


@dataclass(frozen=True, slots=True)
class FakeManager:
    """`folder` is what the program knows; `programs` goes before everything else in PATH."""

    folder: Path

    @property
    def programs(self) -> Path:
        return self.folder / "bin"

    def calls(self) -> list[str]:
        """What it was told to do since this was asked last; questions are left out."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line for line in lines if "show" not in line.split() and line.split()[0] != "print"]

    def know(self, name: str, text: str = "") -> None:
        """Let it be so from now on."""
        (self.folder / name).write_text(text)


def fake_systemctl(folder: Path) -> FakeManager:
    return _made(folder, {"systemctl": SYSTEMCTL, "loginctl": "#!/bin/sh\necho no\n"})


def fake_launchctl(folder: Path) -> FakeManager:
    return _made(folder, {"launchctl": LAUNCHCTL})


def _made(folder: Path, programs: dict[str, str]) -> FakeManager:
    fake = FakeManager(folder)
    fake.programs.mkdir(parents=True)
    for name, text in programs.items():
        program = fake.programs / name
        program.write_text(
            text.replace("{folder}", str(folder)).replace("{{", "{").replace("}}", "}")
        )
        program.chmod(0o755)
    return fake
