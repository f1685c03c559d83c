"""What the fake does beyond answering: its port, its end, and models that do not exist."""

import json
import subprocess
import sys

from tests.support.fake_api import FAKES, fake_gemini_api, fake_models

PROMPT = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_port_zero_takes_a_free_port_and_says_which() -> None:
    """Two at once serve side by side, each on the port that it printed."""
    with fake_gemini_api() as first, fake_gemini_api() as second:
        assert first.url != second.url
        assert first.ask("GET", "/v1beta/models")[0] == 200
        assert second.requests() == []
        assert [r["path"] for r in first.requests()] == ["/v1beta/models"]


def test_it_ends_when_its_stdin_closes() -> None:
    """Whoever started it may die in any way: no fake is left over."""
    process = subprocess.Popen(
        [sys.executable, str(FAKES / "fake_gemini_api.py"), "--port", "0", "--until-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert json.loads(process.stdout.readline())["listening"] > 0
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_a_model_that_does_not_exist_is_not_found() -> None:
    """The wording and the status are what the real API answers."""
    with fake_gemini_api() as api:
        status, body = api.ask("POST", "/v1beta/models/no-such-model:generateContent", PROMPT)
        assert status == 404
        assert body["error"]["status"] == "NOT_FOUND"
        assert body["error"]["message"].startswith(
            "models/no-such-model is not found for API version v1beta, "
            "or is not supported for generateContent."
        )
        assert api.ask("GET", "/v1beta/models/no-such-model")[0] == 404


def test_a_known_model_answers() -> None:
    """The check above can fail: other names are answered."""
    with fake_gemini_api() as api:
        assert api.ask("POST", "/v1beta/models/gemini-2.5-flash:generateContent", PROMPT)[0] == 200
        assert api.ask("GET", "/v1beta/models/gemini-2.5-flash")[0] == 200


def test_the_fake_models_say_what_they_billed() -> None:
    """An answer that was given to its end is billed once, with figures that name its request."""
    with fake_models() as api:
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
        status, answer = api.ask("POST", "/v1/messages", body)
        assert status == 200
        assert answer["usage"]["input_tokens"] == 11
        refused = {"model": "m", "messages": [{"role": "user", "content": "@401"}]}
        assert api.ask("POST", "/v1/messages", refused)[0] == 401
        assert [(b["n"], b["model"], b["usage"]["output_tokens"]) for b in api.billed()] == [
            (1, "m", 41)
        ]
