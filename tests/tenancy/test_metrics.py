"""Figures: histograms in seconds, every process's own series, nothing of the dead."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tenancy.metrics import Figures, figures_of

PROGRAM = """
import sys, pathlib
from tenancy.settings import Settings
from tenancy.telemetry import configure
from tenancy import metrics
configure(Settings(), service="test")
metrics.REQUEST_SECONDS.record(0.3, {"http.route": "/people"})
metrics.APPENDED.add(3)
metrics.set_seal_lag_seconds([(1.5, {})])
figures = metrics.Figures(pathlib.Path(sys.argv[1]), "api-" + sys.argv[2])
sys.stdout.buffer.write(figures.all())
"""


def told(folder: Path, process: int) -> str:
    return ran(folder, process).stdout


def ran(folder: Path, process: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(process)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def samples(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name + sample.labels.get("le", ""), sample.labels["process"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_times_have_buckets_in_seconds(tmp_path: Path) -> None:
    found = samples(told(tmp_path, os.getpid()))
    process = f"api-{os.getpid()}"
    assert found["http_server_request_duration_seconds_bucket0.25", process] == 0
    assert found["http_server_request_duration_seconds_bucket0.5", process] == 1
    assert found["merit_events_appended_total", process] == 3
    assert found["merit_seal_lag_seconds", process] == 1.5


def test_no_figure_is_warned_of(tmp_path: Path) -> None:
    """Buckets are asked for of histograms alone; gauges in seconds have none."""
    assert "warning" not in ran(tmp_path, os.getpid()).stderr


def test_all_living_processes_are_told_and_no_dead_one(tmp_path: Path) -> None:
    told(tmp_path, os.getpid())
    told(tmp_path, os.getppid())
    gone = subprocess.Popen(["true"])
    gone.wait()
    dead = tmp_path / f"api-{gone.pid}.prom"
    dead.write_text("# HELP x y\n# TYPE x gauge\nx 1.0\n")
    (tmp_path / "api-nonsense.prom").write_text("x 1.0\n")
    found = samples(told(tmp_path, os.getpid()))
    processes = {process for _, process in found}
    assert processes == {f"api-{os.getpid()}", f"api-{os.getppid()}"}
    assert not dead.exists()


def test_a_file_is_named_after_its_process(tmp_path: Path) -> None:
    figures_of(tmp_path, "worker").write()
    assert [path.name for path in (tmp_path / "figures").iterdir()] == [
        f"worker-{os.getpid()}.prom"
    ]
    assert Figures(tmp_path / "figures", f"worker-{os.getpid()}").all()
