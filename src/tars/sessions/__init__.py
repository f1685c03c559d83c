"""What we keep of a conversation: session.json."""
