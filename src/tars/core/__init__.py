"""What tars decides: pure functions from (state, event, time) to (state, commands)."""
