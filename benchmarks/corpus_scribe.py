"""What the writers of logs share: chance, words, and the book of what was truly used."""

import json
import math
import os
import random
import string
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from tars.accounting.rates import Tokens

_PROSE = (
    "the of to and in is for function return import const let async await self def class error "
    "test file path config value data user request response server client token index parse "
    "write read open close build run list map filter reduce type interface module export default "
    "null true false none while break continue yield match case struct enum impl trait string"
)
_WORDS = _PROSE.split()
_OTHERS = ["naïve", "größe", "データ", "токен", "مرحبا", "🚀", "café"]
_LETTERS = string.ascii_letters + string.digits

#: By agent, model and day in UTC.
Truth = dict[tuple[str, str, str], Tokens]


class Scribe:
    """Chance, words, and the book of what was truly used."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.random = random.Random(seed)
        self.truth: defaultdict[tuple[str, str, str], Tokens] = defaultdict(Tokens)
        self._texts = [self._passage() for _ in range(3000)]
        self._noise = "".join(self.random.choices(_LETTERS + "+/", k=200_000))

    def count(self, agent: str, model: str, at: datetime, tokens: Tokens) -> None:
        """Note what one request used."""
        key = agent, model, at.date().isoformat()
        self.truth[key] = self.truth[key].plus(tokens._replace(requests=1))

    def save(self, path: Path, lines: Iterable[str], at: datetime) -> int:
        """Write a file that was last touched then; give its size."""
        path.parent.mkdir(parents=True, exist_ok=True)
        data = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(data)
        os.utime(path, (at.timestamp(),) * 2)
        return len(data)

    def size(self, scale: float = 1.0) -> int:
        """Give how long a file should be."""
        drawn = self.random.lognormvariate(math.log(105_000 * scale), 1.69)
        return int(max(2_000, min(90_000_000, drawn)))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def word(self) -> str:
        return self.random.choice(_WORDS)

    def text(self, least: int, most: int) -> str:
        """Give a text of about so many characters: short ones are more frequent."""
        wanted = math.exp(self.random.uniform(math.log(least), math.log(most)))
        parts: list[str] = []
        length = 0
        while length < wanted:
            parts.append(self.random.choice(self._texts))
            length += len(parts[-1])
        return "\n".join(parts)

    def noise(self, least: int, most: int) -> str:
        """Give what signatures and encrypted thoughts look like."""
        length = self.random.randint(least, most)
        begin = self.random.randrange(len(self._noise) - length)
        return self._noise[begin : begin + length]

    def id(self, prefix: str, length: int = 22) -> str:
        return prefix + "".join(self.random.choices(_LETTERS, k=length))

    def uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def seconds(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=self.random.uniform(least, most))

    def _passage(self) -> str:
        """Make one of the texts that all others are made of."""
        draw, count = self.random.random(), self.random.randint(5, 60)
        lines = [" ".join(self._some(2, 14)) for _ in range(count)]
        if draw < 0.55:
            return "\n".join(" " * self.random.choice((0, 2, 4, 8)) + line for line in lines)
        if draw < 0.75:
            return "\n".join(f"{number:6d}→{line}" for number, line in enumerate(lines, 1))
        if draw < 0.9:
            return json.dumps(
                [{word: count, "usage": None} for word in self._some(5, 40)], indent=1
            )
        if draw < 0.97:
            return " ".join(self.random.choices(_WORDS + _OTHERS, k=2 * count))
        return "\n".join(f"\x1b[32mPASS\x1b[0m {line.replace(' ', '/')}.test.ts" for line in lines)

    def _some(self, least: int, most: int) -> list[str]:
        return self.random.choices(_WORDS, k=self.random.randint(least, most))


def iso(at: datetime) -> str:
    """Write a time as all three agents do."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def as_line(record: object) -> str:
    """Write a record as all three agents do."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
