"""The web console: pages rendered here, over the same routes as the API; see its README."""
