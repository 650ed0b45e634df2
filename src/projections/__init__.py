"""What history looks like now: folds over the log, their tables and their questions."""
