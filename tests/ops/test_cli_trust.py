"""Keys, privacy and tenants from the command line, on an installation of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from ops.keyservice import KeyServer

pytestmark = pytest.mark.xdist_group("trust-cli")


@pytest.fixture(scope="module")
def company(up: Any) -> Iterator[httpx.Client]:
    """A tenant of the running product, as its administrator."""
    merit = _merit(up)
    made = merit("tenant", "create", "Northwind")
    with httpx.Client(
        base_url=f"{up.address}/api/v1",
        headers={"Authorization": f"Bearer {made['administrator']['secret']}"},
        timeout=30,
    ) as client:
        client.headers["x-tenant"] = made["tenant"]["tenant_id"]
        yield client


def _merit(up: Any) -> Any:
    def merit(*arguments: str, code: int = 0) -> Any:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MERIT_")}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ops.cli", *arguments, "--json",
             "--data-dir", str(up.data_dir)],
            env=environment, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    return merit


def _post(client: httpx.Client, path: str, body: Any) -> Any:
    answer = client.post(path, json=body, headers={"Idempotency-Key": uuid4().hex})
    assert answer.is_success, answer.text
    return answer.json()


def test_keys_rotate_while_everything_runs(up: Any, company: httpx.Client) -> None:
    merit, tenant = _merit(up), company.headers["x-tenant"]
    person = _post(company, "/people", {"number": "P-1", "name": "王小明"})
    rotated = merit("keys", "rotate", "--tenant", tenant)
    assert rotated["rewrapped"] == 2, "of the person, and of what the administrator's key is called"
    _post(company, "/people", {"number": "P-2", "name": "李芳"})
    retired = merit("keys", "rotate", "--master", "--retire")
    assert retired["rewrapped"] >= 3
    assert len(retired["retired"]) == 1
    assert not list(up.data_dir.glob("master.key.previous-*"))
    after = _post(company, "/people", {"number": "P-3", "name": "赵敏"})
    told = company.get("/people", params={"wait_for": after["position"]}).json()["data"]
    assert [each["name"] for each in told] == ["王小明", "李芳", "赵敏"]
    assert UUID(person["id"])
    for wrong in (["keys", "rotate"], ["keys", "rotate", "--tenant", tenant, "--retire"]):
        assert "merit: " in merit(*wrong, code=2)


def test_a_person_is_shredded_by_two(up: Any, company: httpx.Client) -> None:
    merit, tenant = _merit(up), company.headers["x-tenant"]
    person = _post(company, "/people", {"number": "P-9", "name": "周宁"})["id"]
    shred = ("privacy", "shred", person, "--tenant", tenant)
    assert "--reference" in merit(*shred, code=2)
    assert merit(*shred, "--reference", "DSR-1")["state"] == "requested"
    assert "approved by another" in merit(*shred, code=1)
    assert "nothing was erased" in merit("privacy", "certificate", person, "--tenant", tenant,
                                         code=2)  # fmt: skip
    _post(company, f"/people/{person}/erasure/decline", {"reason": "换人申请"})
    asked = {"basis": "subject-request", "reference": "DSR-2"}
    position = _post(company, f"/people/{person}/erasure", asked)["position"]
    erased = merit(*shred)
    assert erased["state"] == "erased"
    assert person in erased["certificate"]["subjects"]
    told = company.get(f"/people/{person}", params={"wait_for": position}).json()
    assert (told["name"], told["erased"]) == (None, True)
    again = merit("privacy", "certificate", person, "--tenant", tenant)
    assert again["key_ids"] == erased["certificate"]["key_ids"]
    assert [each["tenant_id"] for each in merit("privacy", "list")] == [tenant]
    assert oct((up.data_dir / "erasures.ndjson").stat().st_mode)[-3:] == "600"


def test_a_tenant_from_beginning_to_end(up: Any, company: httpx.Client, tmp_path: Path) -> None:
    merit, tenant = _merit(up), company.headers["x-tenant"]
    assert merit("tenant", "suspend", tenant)["status"] == "suspended"
    assert merit("tenant", "resume", tenant)["status"] == "active"
    fork = merit("tenant", "fork", tenant, "--at", "2")
    assert fork["tenant"]["forked_from"] == tenant
    assert "positions" in merit("tenant", "fork", tenant, "--at", "99999", code=2)
    made = merit("tenant", "create", "Ends here")
    ends = made["tenant"]["tenant_id"]
    erase = ("tenant", "erase", ends)
    assert "--no-export" in merit(*erase, code=2)
    assert "--confirm" in merit(*erase, "--no-export", code=2)
    ended = merit(*erase, "--confirm", "Ends here", "--export-to", str(tmp_path / "last"))
    assert ended["tenant"]["status"] == "erased"
    assert len(ended["certificate"]["key_ids"]) >= 2
    assert (tmp_path / "last" / "manifest.json").exists()
    key = {"Authorization": f"Bearer {made['administrator']['secret']}"}
    answer = httpx.get(f"{up.address}/api/v1/tenants/self", headers=key)
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/tenant-erased")
    assert merit("tenant", "show", ends)["tenant"]["status"] == "erased"
    assert "was erased" in merit("tenant", "resume", ends, code=2)


def test_an_installation_whose_root_is_in_a_key_service(tmp_path: Path, merit: Any) -> None:
    with KeyServer(tmp_path / "keys") as server:
        given = {
            "MERIT_KEY_SERVICE_URL": server.url,
            "MERIT_KEY_SERVICE_TOKEN_FILE": str(server.token_file),
            "MERIT_DATA_DIR": str(tmp_path / "data"),
        }
        made = merit.json("tenant", "create", "By service", **given)
        assert made["tenant"]["name"] == "By service"
        assert not (tmp_path / "data" / "master.key").exists()
    done = merit("tenant", "show", made["tenant"]["tenant_id"], **given)
    assert done.returncode == 3
    assert "key service cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
