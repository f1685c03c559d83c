"""What it cost: tokens, translated once per agent."""
