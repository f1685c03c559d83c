"""The six views of the screen."""
