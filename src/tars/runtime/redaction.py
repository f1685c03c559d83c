"""What agents write made fit to be kept: plain text, without secrets."""

from collections.abc import Mapping

from tars.conversation.plain import plain

_SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL")
#: Shorter values are words, and would be struck out of innocent text.
_SHORTEST = 6


class Redactor:
    """Knows the values of an environment's variables whose names say that they are secret."""

    def __init__(self, env: Mapping[str, str]) -> None:
        secrets = {
            line.strip()
            for name, value in env.items()
            if any(word in name.upper() for word in _SECRET_NAMES)
            # Agents write in lines: a key of several lines is met one line at a time.
            for line in value.splitlines()
            if len(line.strip()) >= _SHORTEST
        }
        # The longest first: one secret may be the beginning of another.
        self._secrets = sorted(secrets, key=len, reverse=True)

    def clean(self, text: str) -> str:
        # First, lest a colour in the middle of a secret hides it.
        text = plain(text)
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return text
