"""The commands of merit onboard: each part adds its own to the one app."""

from cyclopts import App

from ops.cli import checking, cleaning, importing, retracing
from ops.cli.onboard_app import onboard

PARTS = (checking, cleaning, importing, retracing)
"""Imported, they have added themselves."""


def register(app: App) -> None:
    """Add these commands."""
    app.command(onboard)
