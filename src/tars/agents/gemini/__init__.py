"""Gemini CLI (measured on 0.61.0): every quirk of it, and nothing else."""
