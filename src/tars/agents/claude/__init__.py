"""Claude Code: one warm process that speaks JSON lines on its stdin and stdout."""
