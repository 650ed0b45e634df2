"""What is deployed is what its own tools accept, and it asks for no more rights than it needs."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ops.failover.cluster import DEPLOYED

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "ops" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KUBERNETES = "1.30"
NOT_HERE = ("is not executable", "Unknown user", "not found", "Failed to create")
"""What a machine without the product says of its unit; the unit is not to blame."""


def manifests() -> list[dict[str, Any]]:
    found = yaml.safe_load((DEPLOY / "kubernetes" / "meritledger.yaml").read_text())
    items: list[dict[str, Any]] = found["items"]
    return items


def pods() -> list[tuple[str, dict[str, Any]]]:
    return [
        (each["metadata"]["name"], each["spec"]["template"]["spec"])
        for each in manifests()
        if "template" in each.get("spec", {})
    ]


def test_hadolint_accepts_the_dockerfile() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "hadolint"), "Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_image_runs_as_nobody_and_installs_by_hash() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes" in text
    assert text.rindex("USER 10001:10001") > text.rindex("FROM ")
    assert 'ENTRYPOINT ["merit"]' in text


@pytest.mark.parametrize("manifest", manifests(), ids=lambda each: each["metadata"]["name"])
def test_kubernetes_accepts(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_a_wrong_manifest_is_not_accepted() -> None:
    wrong = {**manifests()[0], "metadata": {"name": 7}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


@pytest.mark.parametrize(
    ("name", "pod"), pods(), ids=lambda each: each if isinstance(each, str) else ""
)
def test_pods_have_no_rights_to_spare(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"], name
    assert not pod["automountServiceAccountToken"]
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.name)
def test_systemd_accepts(unit: Path) -> None:
    program = shutil.which("systemd-analyze")
    assert program is not None, "missing: tools/debian systemd-analyze:systemd"
    done = subprocess.run(
        [program, "verify", str(unit)], capture_output=True, text=True, check=False
    )
    said = [
        line
        for line in done.stderr.splitlines()
        if unit.name in line and not any(words in line for words in NOT_HERE)
    ]
    assert said == []


def test_systemd_refuses_a_wrong_unit(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.service"
    wrong.write_text("[Service]\nExecStart=/bin/true\nRestart=sometimes\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(wrong)], capture_output=True, text=True, check=False
    )
    assert "sometimes" in done.stderr


def test_compose_gives_services_what_they_need_and_no_more() -> None:
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = found["services"]
    assert set(services) == {"database", "migrate", "api", "worker"}
    for name in ("migrate", "api", "worker"):
        service = services[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] == "10001:10001"
        assert service["command"] == [{"api": "serve"}.get(name, name)]
    for service in services.values():
        assert set(service.get("secrets", [])) <= set(found["secrets"])
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in found["volumes"] or (DEPLOY / source).exists()
    assert services["api"]["ports"] == ["127.0.0.1:8000:8000"]


def test_patroni_keeps_what_was_measured() -> None:
    settings = yaml.safe_load(DEPLOYED.read_text())
    dcs = settings["bootstrap"]["dcs"]
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]
    assert dcs["synchronous_mode"] is True
    assert dcs["primary_start_timeout"] == 0
    assert dcs["failsafe_mode"] is True
    assert settings["postgresql"]["parameters"]["ssl_min_protocol_version"] == "TLSv1.3"
    assert all(line.startswith("hostssl ") for line in settings["postgresql"]["pg_hba"])
