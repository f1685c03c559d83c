"""How Sphinx makes the site: `make site`. The pages are prepared by `docs/publish.py` before."""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from tars import __version__

project = "tars"
version = release = __version__
extensions = ["myst_parser"]
root_doc = "index"
# Headings get the names that code hosts give them, so that a link works in both.
myst_heading_anchors = 4
# Messages are word for word.
smartquotes = False
html_theme = "furo"
html_title = f"tars {__version__}"
html_copy_source = False
html_show_copyright = False
pygments_style = "default"
pygments_dark_style = "monokai"


def setup(app: Sphinx) -> None:
    # Nobody has written a lexer for it.
    app.add_lexer("toon", TextLexer)
