"""Logs: one JSON object a line, joined by ids, without the words of people."""

import json
import subprocess
import sys
from typing import Any
from uuid import UUID

import asyncpg

from tenancy.telemetry import tell_exception

PROGRAM = """
import logging, sys
from uuid import UUID
import structlog
from opentelemetry import trace
from tenancy.settings import Settings
from tenancy.telemetry import acting, configure
configure(Settings.read(dict(arg.split("=", 1) for arg in sys.argv[1:])), service="api")
log = structlog.get_logger("x")
log.debug("quiet")
with acting(tenant=UUID(int=1), actor=UUID(int=2)):
    with trace.get_tracer("t").start_as_current_span("s"):
        log.info("inside", ids=[UUID(int=3)])
log.warning("outside")
logging.getLogger("library").warning("a %s word", "foreign")
try:
    raise ValueError("Zhang Wei earns 9000")
except ValueError:
    log.exception("failed")
    logging.getLogger("library").exception("failed too")
"""


def said(*environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *environ], capture_output=True, text=True, check=True
    )
    return done.stderr


def test_each_line_is_an_object_with_its_tenant_actor_and_trace() -> None:
    inside, outside, foreign, failed, failed_too = map(json.loads, said().splitlines())
    assert inside["event"] == "inside"
    assert (inside["tenant"], inside["actor"]) == (str(UUID(int=1)), str(UUID(int=2)))
    assert inside["ids"] == [str(UUID(int=3))]
    assert len(inside["trace_id"]) == 32
    assert len(inside["span_id"]) == 16
    assert outside["level"] == "warning"
    assert outside.keys() & {"tenant", "actor", "trace_id"} == set()
    assert (foreign["event"], foreign["level"]) == ("a foreign word", "warning")
    for line in (failed, failed_too):
        assert line["error"] == "builtins.ValueError"
        assert line["at"] == ["<string>:17 <module>"]


def test_what_people_entered_is_in_no_line() -> None:
    for told in (said(), said("MERIT_LOG_FORMAT=console"), said("MERIT_LOG_LEVEL=debug")):
        assert "failed too" in told
        assert "Zhang" not in told


def test_the_level_is_what_it_was_told() -> None:
    assert "quiet" in said("MERIT_LOG_LEVEL=debug")
    assert "outside" not in said("MERIT_LOG_LEVEL=error")


def test_an_error_of_the_database_keeps_its_state_and_loses_its_detail() -> None:
    error = asyncpg.UniqueViolationError("Key (name)=(Zhang Wei) already exists")
    entry: dict[str, Any] = {"exc_info": error}
    assert tell_exception(None, "", entry) == {
        "error": "asyncpg.exceptions.UniqueViolationError",
        "sqlstate": "23505",
        "at": [],
    }
