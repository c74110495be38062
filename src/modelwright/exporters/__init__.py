"""Runs in the formats of other tools, each checked against the original."""
