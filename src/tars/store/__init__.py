"""What we remember: all SQL of tars, for SQLite and PostgreSQL alike; what waits for a database."""
