"""What can be asked of remembered conversations, and done to them; and session.json."""
