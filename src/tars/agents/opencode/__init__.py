"""opencode (https://opencode.ai): how it is launched, spoken to, counted and read."""
