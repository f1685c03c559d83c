"""A name means the model that it names: never none for a model that is there, and never another."""

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.prices.catalogue import Clause
from tars.prices.matching import find, find_provider, matches, means
from tars.prices.names import OWN_MACHINE, readings
from tests.prices.shelf import whole

CATALOGUE = whole()
NAMES = ("vertex", "amazon-bedrock", "zai-coding-plan", "github-copilot", "x", "-")
MAKERS = ("anthropic", "openai", "google", "x-ai", "cursor")
IDS = [(provider.id, model.id) for provider, model in CATALOGUE.models()]


def found(provider: str, model: str) -> str | None:
    got = find(CATALOGUE, provider, model)
    return None if got is None else f"{got[0].id}/{got[1].id}"


@pytest.mark.parametrize(
    ("provider", "model", "meant"),
    [
        ("anthropic", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("anthropic", "claude-opus-4-6[1m]", "anthropic/claude-opus-4-6"),
        ("anthropic", "claude-haiku-4-5@20251001", "anthropic/claude-haiku-4-5"),
        ("anthropic", "Claude-Sonnet-5-Latest", "anthropic/claude-sonnet-5"),
        ("", "anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5"),
        ("", "anthropic/claude-sonnet-4-5-20250929[1m]", "anthropic/claude-sonnet-4-5"),
        ("openrouter", "anthropic/claude-sonnet-4.5", "openrouter/anthropic/claude-sonnet-4.5"),
        ("", "openrouter/anthropic/claude-sonnet-4.5", "openrouter/anthropic/claude-sonnet-4.5"),
        ("google-vertex", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("google", "models/gemini-2.5-pro-preview-05-06", "google/gemini-2.5-pro"),
        ("google", "gemini-3-pro-preview", "google/gemini-3-pro-preview"),
        ("openai", "gpt-5-codex", "openai/gpt-5"),
        ("openai", "gpt-5-codex-2025-09-15", "openai/gpt-5"),
        ("openai", "gpt-5.1-codex-max", "openai/gpt-5.1"),
        ("openai", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("nobody", "gpt-5", "openai/gpt-5"),
        ("", "x-ai/grok-code-fast-1", "x-ai/grok-code-fast-1"),
        ("cursor", "composer-2.5[fast=true]", "cursor/composer-2.5-fast"),
        ("zai", "glm-4.6", "zai/GLM-4.6"),
        (
            "",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
    ],
)
def test_names_as_logs_have_them(provider: str, model: str, meant: str) -> None:
    """With a date, a context window, a provider before it, `-latest`, in any case."""
    assert found(provider, model) == meant


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "glm-4.6"),  # only a reseller has it, whom nobody named
        ("anthropic", "fake-model"),
        ("", ""),
        ("", "[1m]"),
        ("", "/"),
        ("anthropic", "claude"),
        ("anthropic", "<synthetic>"),
        ("anthropic", "claude-opus-4-6-fast"),
        ("anthropic", "claude-opus-4-10"),
        ("anthropic", "claude-sonnet-4-5-mini"),
        ("google", "gemini-3.6-flash-lite"),
        ("google", "gemini-2.5-pro-deluxe"),
        ("google", "my-gemini-2.5-pro"),
        ("openai", "gpt-5-codex-next"),
        ("openai", "gpt-55"),
        ("ollama", "gpt-oss-20b"),
        ("", "ollama/gpt-oss-20b"),
    ],
)
def test_what_only_begins_alike_is_unknown(provider: str, model: str) -> None:
    """And so is what runs on the person's own machine, whose maker would bill it."""
    assert found(provider, model) is None


def test_every_model_is_found_by_its_own_id() -> None:
    """At the provider that sells it; and where genai-prices finds it too, it is the same one."""
    others = get_snapshot()
    assert OWN_MACHINE.isdisjoint(provider for provider, _ in IDS)
    # All of those whose agents we know; of the rest a part, for the time it takes.
    for provider, model in [i for n, i in enumerate(IDS) if i[0] in MAKERS or n % 19 == 0]:
        assert found(provider, model) == f"{provider}/{model}"
        try:
            seller, theirs = others.find_provider_model(model, None, provider, None)
        except LookupError:
            continue
        assert (seller.id, theirs.id) == (provider, model)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(IDS), more=st.from_regex(r"[-:]?z[a-z]{2,5}", fullmatch=True))
def test_more_behind_a_name_is_another_model(name: tuple[str, str], more: str) -> None:
    """Which nobody knows, whatever model it begins like."""
    assert found(name[0], name[1] + more) is None


@pytest.mark.parametrize(
    ("clause", "name", "follows", "meant"),
    [
        (("equals", "A"), "a", True, True),
        (("starts_with", "a-1"), "a-1-20250101", True, True),
        (("starts_with", "a-1"), "a-12", True, False),
        (("ends_with", "-b"), "x-b", True, False),
        (("ends_with", "b"), "x/b", True, True),
        (("contains", "b"), "x/b@2", True, False),
        (("contains", "b"), "x.b-v1:0", True, True),
        (("regex", "^b-[0-9]+$"), "b-7", True, True),
        (("regex", "b"), "abc", True, False),
        (("or", (("equals", "a"), ("equals", "b"))), "b", True, True),
        (("and", (("starts_with", "b"), ("regex", "^(?!.*-tts)"))), "b-001", True, True),
        (("and", (("starts_with", "b"), ("regex", "^(?!.*-tts)"))), "b-tts", False, False),
        (("unheard of", "b"), "b", False, False),
    ],
)
def test_each_kind_of_rule(clause: Clause, name: str, follows: bool, meant: bool) -> None:
    """What genai-prices takes, and what of it names just that model."""
    assert (matches(clause, name), means(clause, name)) == (follows, meant)


def test_readings_begin_with_the_likeliest() -> None:
    """The provider of the log, then the one in the name, then anybody's."""
    assert list(readings("openrouter", "A/b-latest")) == [
        ("openrouter", "a/b-latest"),
        ("openrouter", "a/b"),
        ("a", "b-latest"),
        ("a", "b"),
        ("", "b-latest"),
        ("", "b"),
    ]


def test_a_provider_is_known_by_its_names() -> None:
    """As agents call them."""
    told = {name: find_provider(CATALOGUE, name) for name in NAMES}
    assert {name: p and p.id for name, p in told.items()} == {
        "vertex": "google",
        "amazon-bedrock": "aws",
        "zai-coding-plan": "zai",
        "github-copilot": "github-copilot",
        "x": None,
        "-": None,
    }
