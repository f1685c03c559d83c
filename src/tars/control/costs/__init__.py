"""Reports of costs as text: tables, JSON, CSV and Markdown, for the command line and the daemon."""
