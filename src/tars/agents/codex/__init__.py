"""Codex CLI (measured on 0.169.0): every quirk of it, and nothing else."""
