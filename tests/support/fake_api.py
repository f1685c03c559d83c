"""The fake model APIs as processes of their own, for as long as a test needs them."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FAKES = Path(__file__).parents[1] / "fakes"

#: A proxy that the environment names has no business with a server on loopback.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class FakeApi:
    """A fake that serves at `url`."""

    url: str

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far, oldest first: path, model, directive, step, contents …"""
        answer = self.ask("GET", "/__requests")[1]
        assert isinstance(answer, list)
        return answer

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send one request; gives the status and the JSON of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        try:
            with DIRECT.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def billed(self) -> list[dict[str, Any]]:
        """What each answer that was given to its end was billed: n, model, usage."""
        return [entry for entry in self.requests() if entry.get("ev") == "billed"]


def fake_gemini_api(*options: str) -> AbstractContextManager[FakeApi]:
    """Serve Google's API. Give `url` to the CLI as GOOGLE_GEMINI_BASE_URL."""
    return _serving("fake_gemini_api.py", *options)


def fake_models(*options: str) -> AbstractContextManager[FakeApi]:
    """Serve Anthropic's and OpenAI's APIs. Give `url`, or `url` + "/v1", to the CLI."""
    return _serving("fake_models.py", *options)


@contextmanager
def _serving(program: str, *options: str) -> Iterator[FakeApi]:
    """Serve on a free port. The fake ends with the block, and with this process."""
    with subprocess.Popen(
        [sys.executable, str(FAKES / program), "--port", "0", "--until-eof", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["listening"]
        yield FakeApi(f"http://127.0.0.1:{port}")
        # Leaving closes its stdin, and waits for it to end.
