"""Which agents we know: one package per CLI, holding every quirk of it and nothing else."""
