"""What tars does: the only code that spawns, signals and sleeps."""
