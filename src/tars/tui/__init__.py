"""The screen: what the daemon knows, looked at and steered from a terminal."""
