"""The colours: dark, light, and one with the most contrast there is."""

from textual.theme import Theme

DARK = Theme(
    name="tars-dark",
    primary="#7aa2f7",
    secondary="#9ece6a",
    accent="#e0af68",
    foreground="#c8d0e0",
    background="#11141c",
    surface="#171b26",
    panel="#202637",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    dark=True,
)
LIGHT = Theme(
    name="tars-light",
    primary="#2457c5",
    secondary="#3b7a1e",
    accent="#95600a",
    foreground="#1d2330",
    background="#fafbfd",
    surface="#f0f2f7",
    panel="#e2e6ef",
    success="#2f6f14",
    warning="#8a5a00",
    error="#b3203c",
    dark=False,
)
CONTRAST = Theme(
    name="tars-contrast",
    primary="#00ffff",
    secondary="#00ff00",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#262626",
    success="#00ff00",
    warning="#ffff00",
    error="#ff6060",
    dark=True,
    text_alpha=1.0,
)
THEMES = (DARK, LIGHT, CONTRAST)
