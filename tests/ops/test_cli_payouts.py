"""Payouts by the merit command: prepared elsewhere, approved, instructed, returned, voided."""

import csv
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api import examples
from domain.ids import batch_id, employment_id, reward_id

pytestmark = pytest.mark.xdist_group("cli-payouts")  # one `merit up` for all of them

MADE = examples.EXAMPLES


class Office:
    """A tenant with rewards granted to two people, and keys for those who pay them."""

    def __init__(self, merit: Any, up: Any) -> None:
        self.merit, self.up = merit, up
        there = ("--data-dir", str(up.data_dir))
        made = merit.json("tenant", "create", f"payouts-{uuid4()}", *there)
        tenant = made["tenant"]["tenant_id"]
        admin = merit.json("key", "create", "a", "--tenant", tenant, "--role", "admin", *there)
        self.keys = {"admin": str(admin["secret"])}
        self.http = httpx.Client(base_url=f"{up.address}/api/v1", timeout=30)
        for role in ("hr", "finance", "executive"):
            self.keys[role] = self.did("admin", "/keys", {"name": role, "roles": [role]})["secret"]

    def did(self, role: str, path: str, body: Any = None) -> Any:
        headers = {
            "Authorization": f"Bearer {self.keys[role]}",
            "Idempotency-Key": str(uuid4()),
        }
        answer = self.http.post(path, json={} if body is None else body, headers=headers)
        assert answer.status_code in {200, 201}, (path, answer.text)
        return answer.json()

    def command(self, role: str, *arguments: str) -> Any:
        return self.merit.json("payout", *arguments, *self.there(role))

    def there(self, role: str) -> tuple[str, ...]:
        return ("--url", self.up.address, "--key", self.keys[role])

    def employed(self) -> None:
        self.did("hr", "/org-units", MADE["CreateOrgUnit"])
        self.did("hr", "/jobs", MADE["DefineJob"])
        self.did("hr", "/people", {"number": examples.MANAGER, "name": "李总"})
        self.did("hr", "/people", MADE["RegisterPerson"])
        top = {**MADE["HireEmployee"]["assignment"], "manager_id": None}
        manager = {
            **MADE["HireEmployee"],
            "number": examples.MANAGER_EMPLOYMENT,
            "person_id": examples.MANAGER_ID,
            "assignment": top,
        }
        self.did("hr", "/employments", manager)
        self.did("hr", "/employments", MADE["HireEmployee"])
        self.did("finance", "/reward-budgets", MADE["SetRewardBudget"])

    def prepared(self, code: str) -> str:
        """A batch of one reward for a team of two."""
        reward = f"/rewards/{reward_id(code)}"
        team = [
            {"employment_id": examples.EMPLOYMENT_ID},
            {"employment_id": str(employment_id(examples.MANAGER_EMPLOYMENT))},
        ]
        nomination = {**MADE["NominateReward"], "code": code, "contributors": team}
        self.did("hr", "/rewards", nomination)
        self.did("executive", f"{reward}/approve", MADE["ApproveReward"])
        self.did("finance", f"{reward}/grant")
        self.did("hr", "/reward-batches", {"code": code, "reward_ids": [str(reward_id(code))]})
        return str(batch_id(code))


@pytest.fixture
def office(merit: Any, up: Any) -> Any:
    made = Office(merit, up)
    made.employed()
    yield made
    made.http.close()


def lines_of(batch: Any) -> dict[str, str]:
    return {line["payout_id"]: line["state"] for line in batch["lines"]}


def written(file: Path, rows: list[dict[str, str]]) -> str:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(file)


@pytest.mark.timeout(300)  # every command is a process of its own
def test_from_approval_to_what_the_bank_sent_back_and_what_is_taken_back(
    office: Office, tmp_path: Path
) -> None:
    batch, account = office.prepared("R1"), ("--bank-account", "CN-1")
    assert office.command("executive", "approve", batch)["batch"]["state"] == "approved"
    told = office.command("finance", "instruct", batch, *account)
    assert set(lines_of(told).values()) == {"instructed"}
    first, second = lines_of(told)
    rows = [
        {"payout_id": str(uuid4()), "bank_reference": "X2", "reason": "未知", "value_date": ""},
        {"payout_id": first, "bank_reference": "X1", "reason": "账号有误", "value_date": ""},
    ]
    bank = written(tmp_path / "bank.csv", rows)
    done = office.merit("payout", "return", bank, *office.there("finance"))
    assert done.returncode == 1
    assert "done: 1, refused: 1" in done.stdout
    assert "unknown-payout" in done.stdout
    told = office.command("finance", "instruct", batch, *account, "--returned")
    assert told == {"done": 1, "refused": []}
    paid = office.command("finance", "settle", batch, *account, "--bank-reference", "BR-1")
    assert lines_of(paid) == {first: "settled", second: "settled"}

    batch = office.prepared("R2")
    approved = office.did("executive", f"/payout-batches/{batch}/approve", MADE["ApproveBatch"])
    headers = {"Authorization": f"Bearer {office.keys['finance']}"}
    seen = office.http.get(
        f"/payout-batches/{batch}", headers=headers, params={"wait_for": approved["position"]}
    )
    first, second = lines_of(seen.json())
    told = office.command("executive", "void", batch, "--reason", "重复", "--line", first)
    assert told == {"done": 1, "refused": []}
    whole = office.command("executive", "void", batch, "--reason", "金额有误")
    assert whole["batch"]["state"] == "voided"
    assert lines_of(whole) == {first: "voided", second: "voided"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("payout_id,reason\n", "lacks the column bank_reference"),
        ("payout_id,bank_reference,reason\nx,X1,r\n", "line 2: badly formed"),
        (
            "payout_id,bank_reference,reason,value_date\n{id},X1,r,soon\n",
            "line 2: Invalid isoformat",
        ),
    ],
)
def test_a_file_that_is_none_is_named_with_its_line(
    merit: Any, tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "bank.csv"
    file.write_text(text.replace("{id}", str(uuid4())))
    done = merit("payout", "return", str(file), "--key", "k", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
