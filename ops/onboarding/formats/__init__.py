"""Readers of the file formats of old systems: every cell as text, with its row and column."""
