"""What models cost: dated prices from genai-prices, a person's own, and a table of those in use."""
