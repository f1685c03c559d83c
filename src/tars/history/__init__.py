"""What agents did, tars or no tars: their own logs, read once, line by line, and indexed."""
