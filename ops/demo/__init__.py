"""The demo: a company, one quarter of it driven over HTTP, and every claim checked."""
