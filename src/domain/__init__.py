"""Pure decisions: what may happen, and what it means. No clock, no database, no HTTP."""
