"""The agents' logs: one module per agent, holding where they are and how each is counted."""
