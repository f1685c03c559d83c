"""Codex's modes: when it asks, and what its sandbox lets a command do without asking."""

from dataclasses import dataclass

APPROVALS = ("untrusted", "on-request", "never")
SANDBOXES = ("read-only", "workspace-write", "danger-full-access")

#: The names that Codex's own screen offers.
_PRESETS = {
    "auto": ("on-request", "workspace-write"),
    "full-access": ("never", "danger-full-access"),
}

#: All of them, in words.
NAMES = (
    f"{', '.join(_PRESETS)}, a policy ({', '.join(APPROVALS)}), "
    f"a sandbox ({', '.join(SANDBOXES)}), or policy/sandbox"
)

#: What the app-server calls a sandbox that is at work.
_TYPES = {
    "readOnly": "read-only",
    "workspaceWrite": "workspace-write",
    "dangerFullAccess": "danger-full-access",
}


@dataclass(frozen=True, slots=True)
class Mode:
    """Either is empty for what Codex's own configuration says."""

    approval: str = ""
    sandbox: str = ""

    @property
    def members(self) -> dict[str, str]:
        """What thread/start and thread/resume want to hear of it."""
        asked = {"approvalPolicy": self.approval, "sandbox": self.sandbox}
        return {name: value for name, value in asked.items() if value}


def parse(mode: str) -> Mode | None:
    """Read `auto`, `full-access`, a policy, a sandbox, or both as `policy/sandbox`.

    None where it is none of these.
    """
    if mode in _PRESETS:
        return Mode(*_PRESETS[mode])
    words = mode.split("/") if mode else []
    approval = next((word for word in words if word in APPROVALS), "")
    sandbox = next((word for word in words if word in SANDBOXES), "")
    return Mode(approval, sandbox) if len(words) == bool(approval) + bool(sandbox) else None


def shown(approval: object, sandbox_type: str) -> str:
    """Name the mode of a thread, in words that `parse` takes."""
    words = (approval, _TYPES.get(sandbox_type))
    return "/".join(word for word in words if isinstance(word, str) and word)
