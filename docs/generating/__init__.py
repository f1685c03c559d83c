"""What the documentation says of the code, printed from the code: a module for each page or part.

`pages.pages()` gives every page as it should be; `docs/generate.py` writes them.
"""
