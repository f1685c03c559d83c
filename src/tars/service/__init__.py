"""Starting at login: what systemd and launchd want to hear."""
