"""How others talk to it: HTTP on a Unix socket."""
