"""Tenants over HTTP: commands in, answers out, problems by name."""
