"""Operators' tools: the command line, the worker, the embedded database, the demo."""
