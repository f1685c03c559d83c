"""Unit files as they are on the disk: written whole, and never over what somebody changed."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tars.errors import Refused
from tars.home import sync_folder
from tars.service.units import is_sealed

#: The manager has to read a unit; there is nothing secret in it.
UNIT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class UnitFile:
    """One unit at its place."""

    path: Path

    @property
    def text(self) -> str | None:
        """None where it is not there. Raises OSError."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    @property
    def drop_ins(self) -> list[Path]:
        """What `systemctl edit` wrote beside it, which is the person's."""
        return sorted(self.path.with_name(f"{self.path.name}.d").glob("*.conf"))

    def check(self, *, force: bool) -> None:
        """Raises Refused where it is not what tars wrote, unless by `force`."""
        text = self.text
        if text is not None and not is_sealed(text) and not force:
            raise Refused(
                f"{self.path} was written or changed by hand.",
                advice="Move your changes to `systemctl edit`, or replace the file with --force.",
            )

    def write(self, text: str) -> bool:
        """Write it, at once and whole, and say whether that changed anything. Raises OSError."""
        if self.text == text:
            return False
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("x", encoding="utf-8") as file:
                os.fchmod(file.fileno(), UNIT_MODE)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        finally:
            with suppress(OSError):
                temporary.unlink()
        sync_folder(self.path.parent)
        return True

    def remove(self) -> bool:
        """Remove it, and say whether it was there. Raises OSError."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        sync_folder(self.path.parent)
        return True
