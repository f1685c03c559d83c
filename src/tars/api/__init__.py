"""tars from Python: a client of the daemon, an agent to talk to, and the sessions on disk.

The public names are those of `tars` itself: ``import tars; tars.Client()``.
"""
