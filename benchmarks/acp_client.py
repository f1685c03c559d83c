"""The Agent Client Protocol without anything around it: what a prompt costs the agent alone."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.wire import PATIENCE_SECONDS


class BareAcp:
    """One agent process. Every request waits for its answer, and heeds nothing else."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._cwd = cwd
        self._requests = 0
        self._session = ""
        self._process = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to = self._process.stdin.fileno()
        self._from = self._process.stdout.fileno()
        self._ask("initialize", {"protocolVersion": 1, "clientCapabilities": {}})

    def new_session(self) -> None:
        made = self._ask("session/new", {"cwd": str(self._cwd), "mcpServers": []})
        self._session = made["sessionId"]

    def prompt(self, text: str) -> None:
        """Raises RuntimeError unless the turn ends as it should."""
        message = {"sessionId": self._session, "prompt": [{"type": "text", "text": text}]}
        ended = self._ask("session/prompt", message)
        if ended["stopReason"] != "end_turn":
            raise RuntimeError(str(ended))

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.communicate()

    def _ask(self, method: str, params: object) -> Any:
        self._requests += 1
        message = {"jsonrpc": "2.0", "id": self._requests, "method": method, "params": params}
        os.write(self._to, json.dumps(message).encode() + b"\n")
        data = b""
        while True:
            piece = os.read(self._from, 65536)
            if not piece:
                raise RuntimeError("the agent ended")
            *lines, data = (data + piece).split(b"\n")
            for line in lines:
                if b'"result"' in line or b'"error"' in line:
                    return self._result(json.loads(line))

    def _result(self, answer: Any) -> Any:
        if answer.get("id") != self._requests or "result" not in answer:
            raise RuntimeError(str(answer))
        return answer["result"]
