"""Tars keeps a coding agent alive, counts every token, and remembers every session."""

# Nothing is imported here: `tars status` pays for every import.
__version__ = "0.1.0"
