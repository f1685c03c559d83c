"""Which model of a price list a name means: the one that it names, and never one that only begins
alike.

genai-prices' own rules are loose where they say how a name begins: `gemini-3.6-flash` would be
found for `gemini-3.6-flash-lite`, and `claude-opus-4-6` for the six times dearer
`claude-opus-4-6-fast`. So what is left of a name beside the rule's own word must be a revision of
the model, or who sells it.
"""

import re

from tars.prices.catalogue import Catalogue, Clause, Model, Provider
from tars.prices.names import is_revision, readings


def find(catalogue: Catalogue, provider: str, model: str) -> tuple[Provider, Model] | None:
    """Give the model that a log's name means, and who sells it at this price; None is unknown."""
    for seller, name in readings(provider, model):
        for each in _sellers(catalogue, seller, name):
            found = _model_of(catalogue, each, name)
            if found is not None:
                return each, found
    return None


def find_provider(catalogue: Catalogue, name: str) -> Provider | None:
    """Give the provider of this name, or that is known by it; or the one whose offer it is, as
    `zai-coding-plan` is one of `zai`."""
    ids = {each.id: each for each in catalogue.providers}
    if name in ids:
        return ids[name]
    known = (each for each in catalogue.providers if each.known_by and matches(each.known_by, name))
    return next(known, None) or ids.get(name.partition("-")[0])


def _sellers(catalogue: Catalogue, seller: str, name: str) -> list[Provider]:
    if seller:
        found = find_provider(catalogue, seller)
        return [found] if found else []
    return [p for p in catalogue.providers if p.models_by and matches(p.models_by, name)]


def _model_of(catalogue: Catalogue, provider: Provider, name: str) -> Model | None:
    others = [p for id in provider.others for p in catalogue.providers if p.id == id]
    for seller in (provider, *others):
        for model in seller.models:
            if means(model.match, name):
                return model
    # Some models' rules do not know the id that the list itself has for them.
    return next((model for model in provider.models if model.id.lower() == name), None)


def matches(clause: Clause, name: str) -> bool:
    """Whether a lower-case name follows a rule, as genai-prices reads it."""
    match clause:
        case ("equals", str(word)):
            return name == word.lower()
        case ("starts_with", str(word)):
            return name.startswith(word.lower())
        case ("ends_with", str(word)):
            return name.endswith(word.lower())
        case ("contains", str(word)):
            return word.lower() in name
        case ("regex", str(word)):
            return re.search(word, name) is not None
        case ("or", tuple(parts)):
            return any(matches(part, name) for part in parts)
        case ("and", tuple(parts)):
            return all(matches(part, name) for part in parts)
        case _:  # a file may hold anything
            return False


def means(clause: Clause, name: str) -> bool:
    """Whether a name that follows the rule names just that model."""
    match clause:
        case ("equals", str(word)):
            return name == word.lower()
        case ("starts_with" | "ends_with" | "contains" as kind, str(word)):
            return matches((kind, word), name) and _is_rest(*_around(kind, word.lower(), name))
        case ("regex", str(word)):
            found = re.search(word, name)
            return found is not None and _is_rest(name[: found.start()], name[found.end() :])
        case ("or", tuple(parts)):
            return any(means(part, name) for part in parts)
        case ("and", tuple(parts)):
            return matches(clause, name) and any(means(part, name) for part in parts)
        case _:
            return False


def _around(kind: str, word: str, name: str) -> tuple[str, str]:
    """What of a name stands before and behind the word in it."""
    if kind == "ends_with":
        return name[: len(name) - len(word)], ""
    before, _, behind = name.partition(word)
    return before, behind


def _is_rest(before: str, behind: str) -> bool:
    return (not before or before[-1] in "/.:") and is_revision(behind)
