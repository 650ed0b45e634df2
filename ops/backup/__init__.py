"""Backups by pgBackRest, and the drill that proves that they can be restored."""
