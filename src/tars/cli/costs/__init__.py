"""What it all cost, on the command line."""
