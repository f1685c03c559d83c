"""Logs as Claude Code writes them, as small as they can be, in a home folder of a person."""

import json
from pathlib import Path


def claude_request(
    number: int,
    at: str,
    model: str,
    *,
    session: str = "5c0a1b2d-claude",
    project: str = "/w/shop",
    branch: str = "main",
    tokens: tuple[int, int, int, int] = (100, 20_000, 3_000, 500),
) -> dict[str, object]:
    """One request: `tokens` are input, read from the cache, written to it, and output."""
    usage = dict(
        zip(
            (
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "output_tokens",
            ),
            tokens,
            strict=True,
        )
    )
    return {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": project,
        "sessionId": session,
        "version": "2.1.316",
        "gitBranch": branch,
        "type": "assistant",
        "uuid": f"u{number}",
        "timestamp": at,
        "message": {
            "id": f"msg_{number:024}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": "Yes."}],
            "stop_reason": "end_turn",
            "usage": usage,
        },
        "requestId": f"req_{number:024}",
    }


def write_claude(home: Path, *requests: dict[str, object]) -> None:
    """Write requests into the log of each one's session, behind what is there."""
    for request in requests:
        folder = home / ".claude" / "projects" / str(request["cwd"]).replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / f"{request['sessionId']}.jsonl", "a") as log:
            log.write(json.dumps(request, separators=(",", ":")) + "\n")
