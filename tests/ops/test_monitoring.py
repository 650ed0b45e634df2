"""Alerts, dashboards and runbooks fit each other and the figures that there really are."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "ops" / "monitoring"
RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
FROM_ELSEWHERE = re.compile(r"(process|python)_|up$|merit:")
UNITS = {"s": "_seconds", "1": "", "{event}": "", "{command}": "", "{tenant}": "", "{problem}": ""}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
    )


def rules() -> list[dict[str, Any]]:
    found = yaml.safe_load((MONITORING / "rules.yml").read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def told_names() -> set[str]:
    """The names under which Prometheus sees what the code counts and times."""
    source = (ROOT / "src" / "tenancy" / "metrics.py").read_text()
    names = set()
    for kind, name, unit in re.findall(
        r'(create_histogram|create_counter|GAUGES\.gauge)\(\s*"([^"]+)",\s*(?:unit=)?"([^"]+)"',
        source,
    ):
        base = name.replace(".", "_") + UNITS.get(unit, "")
        if kind == "create_histogram":
            names |= {f"{base}_bucket", f"{base}_count", f"{base}_sum"}
        else:
            names.add(f"{base}_total" if kind == "create_counter" else base)
    return names


def asked_names(expression: str) -> set[str]:
    expression = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\$\w+', " ", expression)
    expression = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", expression)
    return {
        word
        for word in re.findall(r"[a-z_][a-z0-9_:]*(?![a-z0-9_:]*\s*\()", expression)
        if "_" in word and word != "histogram_quantile"
    }


def test_promtool_accepts_the_rules() -> None:
    done = promtool("check", "rules", "rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    done = promtool("test", "rules", "tests.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_test_that_sees_it_fire() -> None:
    found = yaml.safe_load((MONITORING / "tests.yml").read_text())
    fired = {
        case["alertname"]
        for test in found["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert {alert["alert"] for alert in alerts()} == fired


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_behind_each_alert_is_a_page_that_names_it(alert: dict[str, Any]) -> None:
    page = ROOT / alert["annotations"]["runbook"]
    assert page.parent == RUNBOOKS
    text = page.read_text()
    assert f"`{alert['alert']}`" in text
    assert "## What to do" in text
    assert alert["labels"]["severity"] in {"page", "ticket"}


def test_no_page_is_left_over() -> None:
    used = {Path(alert["annotations"]["runbook"]).name for alert in alerts()}
    assert {path.name for path in RUNBOOKS.glob("*.md")} == used


def test_burn_rates_are_those_of_the_workbook() -> None:
    burning = [alert for alert in alerts() if "Budget" in alert["alert"]]
    assert len(burning) == 6
    for alert in burning:
        factors = set(re.findall(r"> ([\d.]+) \*", alert["expr"]))
        windows = re.findall(r"bad_ratio(\w+)", alert["expr"])
        wanted = {
            "Fast": ({"14.4"}, ["1h", "5m"]),
            "Stea": ({"6"}, ["6h", "30m"]),
            "Slow": ({"1"}, ["3d", "6h"]),
        }
        kind = re.sub(r".*Budget", "", alert["alert"])[:4]
        assert (factors, windows) == wanted[kind]


def expressions() -> list[str]:
    asked = [rule["expr"] for rule in rules()]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            asked += [target["expr"] for target in panel["targets"]]
    return asked


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_only_figures_that_there_are_are_asked_for(expression: str) -> None:
    known = told_names() | {rule["record"] for rule in rules() if "record" in rule}
    for name in asked_names(expression):
        assert name in known or FROM_ELSEWHERE.match(name), name


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_are_whole(path: Path) -> None:
    board = json.loads(path.read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert board["uid"].startswith("merit-")
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["targets"]
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
