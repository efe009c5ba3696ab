"""Bytes: where they land while they arrive, where they stay, and under which key."""
