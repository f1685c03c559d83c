"""The page's files: small, made of nodes alone, and from nowhere else."""

import re
from pathlib import Path

import pytest

from tars.web.files import FOLDER

MODULES = sorted(FOLDER.glob("*.js"))
OWN = [*MODULES, FOLDER / "style.css", FOLDER / "index.html"]

#: By these a text would become elements, or a script.
FORBIDDEN = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|srcdoc"
    r"|\beval\(|new Function|setAttribute\(\"style\"|javascript:|DOMParser|\.cssText"
)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_is_small_and_makes_nodes_by_hand(module: Path) -> None:
    """No text of an agent can become an element."""
    text = module.read_text()
    assert re.findall(FORBIDDEN, text) == []
    assert len(text.splitlines()) <= 400
    assert text.startswith("// "), "it says what it is"


@pytest.mark.parametrize("file", OWN, ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(file: Path) -> None:
    """The page works without a network, and tells nobody that it is open."""
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", file.read_text()) == []


def test_every_import_is_there() -> None:
    """There is no build that would notice."""
    for module in MODULES:
        for name in re.findall(r'from "(\./[^"]+)"', module.read_text()):
            assert (module.parent / name).is_file(), f"{module.name} imports {name}"


def test_the_chart_comes_with_its_licence() -> None:
    """uPlot is as it was published, and says under which terms."""
    assert (FOLDER / "uplot" / "LICENSE.txt").read_text().startswith("The MIT License")
    assert "Leon Sorokin" in (FOLDER / "uplot" / "uPlot.esm.js").read_text()[:400]


def _luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_can_be_read(scheme: str) -> None:
    """Text has a contrast of 4.5 to its ground, what is drawn one of 3 (WCAG 2.2, AA)."""
    light, _, rest = (FOLDER / "style.css").read_text().partition("@media (prefers-color-scheme")
    palette = light if scheme == "light" else rest.partition("* { box-sizing")[0]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", palette))
    grounds = [colours[name] for name in ("ground", "card", "code", "wash", "warn-wash")]
    for name in ("ink", "dim"):
        assert min(_contrast(colours[name], ground) for ground in grounds) >= 4.5, name
    for name in ("accent", "good", "warn", "bad"):
        assert _contrast(colours[name], colours["card"]) >= 4.5, name
        assert _contrast(colours[name], colours["ground"]) >= 4.5, name
    assert _contrast(colours["accent-ink"], colours["accent"]) >= 4.5
    assert _contrast(colours["card"], colours["bad"]) >= 4.5
    for n in range(1, 7):
        assert _contrast(colours[f"series-{n}"], colours["card"]) >= 3, n
