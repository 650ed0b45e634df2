"""Charts as data: drawn by static/charts.js, and always beside a table that says the same."""

from typing import Any, Literal

import msgspec

from api.console.tables import Table

ChartKind = Literal["waterfall", "bars", "lines", "heat"]


class Drop(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of a waterfall; numbers are exact decimal texts."""

    label: str
    since: str
    until: str
    delta: str
    total: bool = False


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A figure. `data` by kind:

    waterfall: {"drops": [Drop], "unit"}
    bars, lines: {"labels": [text], "series": [{"name", "values": [number text or None]}], "unit"}
    heat: {"x": [text], "y": [text], "cells": [[x, y, number text]], "unit", "min", "max"}
    """

    name: str
    title: str
    kind: ChartKind
    data: dict[str, Any]
    summary: str
    """What the figure shows, in a sentence, for those who do not see it."""
    table: Table

    @property
    def told(self) -> dict[str, Any]:
        """What the page tells the script that draws it."""
        return {"kind": self.kind, **self.data}
