"""What it all cost: one engine over the ledger and the agents' logs, behind every report."""
