"""The page: what the daemon serves a browser of its own machine, and to whom."""
