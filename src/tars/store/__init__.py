"""What we remember: the ledger, the queue and the log of decisions, in SQLite."""
