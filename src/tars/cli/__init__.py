"""The command line: parse, one call of the daemon or the library, render."""
