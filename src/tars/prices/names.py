"""The names of models as logs have them: how each may be read, the likeliest reading first.

`anthropic/claude-sonnet-4-5-20250929[1m]` is a model with its provider before it, and behind it its
date and the size of its context window, none of which a price list need have.
"""

import re
from collections.abc import Iterator

#: Providers whose models run on the person's own machine: nobody bills them.
OWN_MACHINE = frozenset(
    {
        "llama.cpp",
        "llamacpp",
        "lm-studio",
        "lmstudio",
        "local",
        "localhost",
        "mlx",
        "ollama",
        "vllm",
    }
)

_BRACKET = re.compile(r"\[[^\[\]]*\]$")
_DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d)$")
_LATEST = re.compile(r"[-@:]latest$")
_BEDROCK = re.compile(r"(?:[a-z]{2,6}\.)?(?:anthropic|openai|amazon|meta|deepseek|mistral|zai)\.")

#: What may stand behind a model's name without making it another model: dates and revisions.
_REVISION = re.compile(
    r"(?:[-@:]?(?:20\d{6}|20\d\d-\d\d-\d\d|\d\d-20\d\d|\d\d-\d\d|\d{3,4}|v\d+(?:[:.]\d+)?"
    r"|latest|preview|exp|experimental|beta|thinking|customtools))*"
)


def readings(provider: str, model: str) -> Iterator[tuple[str, str]]:
    """Give what a name may mean, as pairs of a provider, or nothing, and a model of it.

    First as the provider's that the log names, then as the one's that stands before a slash, then
    as anybody's; each as it is, then without its context window, `-latest` and its date.
    """
    provider, model = provider.strip().lower(), model.strip().lower().removeprefix("models/")
    if not model or provider in OWN_MACHINE:
        return
    for name in spellings(model) if provider else ():
        yield provider, name
    before, slash, rest = model.partition("/")
    if slash:
        yield from readings(before, rest)
        return
    if _BEDROCK.match(model):
        yield "aws", model
    for name in spellings(model):
        yield "", name


def spellings(model: str) -> Iterator[str]:
    """Give a name as it is, and with less and less of what stands behind it."""
    shown = model
    yield shown
    for behind in (_BRACKET, _LATEST, _DATE):
        shorter = behind.sub("", shown)
        if shorter != shown and shorter:
            shown = shorter
            yield shown


def is_revision(suffix: str) -> bool:
    """Whether a model is the same with this behind its name. `-fast`, `-lite` or `:free` is not."""
    return _REVISION.fullmatch(suffix) is not None
