"""The merit command: helpful, honest about what went wrong, readable by machines."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

pytestmark = pytest.mark.xdist_group("cli")  # one `merit up` for all of them

SOMEBODY = str(uuid4())
"""An id of nothing."""


def test_help_explains_itself_and_names_the_exit_codes(merit: Any) -> None:
    done = merit("--help")
    assert done.returncode == 0
    for command in ("up", "tenant", "verify", "explain", "doctor"):
        assert command in done.stdout
    assert "0 done, 1 failed, 2 wrong input, 3 not available now" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "command",
    ["up", "serve", "worker", "migrate", "export", "verify", "rebuild", "replay", "health",
     "doctor", "witness serve", "keys rotate-log",
     "tenant create", "tenant list", "tenant show", "key create", "key list", "key revoke",
     "cycle open", "cycle status", "cycle score", "cycle lock", "payout prepare",
     "webhook create", "webhook list", "webhook deliveries", "webhook redeliver",
     "payout approve", "payout instruct", "payout settle", "payout return", "payout void",
     "explain"],
)  # fmt: skip
def test_every_command_helps_and_takes_json(merit: Any, command: str) -> None:
    done = merit(*command.split(), "--help")
    assert done.returncode == 0
    assert "--json" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fly"], 'Unknown command "fly"'),
        (["tenant", "show", "nobody"], "unable to convert"),
        (["tenant", "create", "  "], "a tenant needs a name"),
        (["export"], "requires an argument"),
        (["verify", "nowhere"], "nowhere is not a folder"),
        (["rebuild", "nothing"], "there is no view nothing"),
        (["cycle", "open", SOMEBODY], "MERIT_API_KEY"),
        (["cycle", "open", SOMEBODY, "--key", "k"], "MERIT_API_URL"),
        (["serve"], "set MERIT_DATABASE_URL"),
        (["key", "create", "x", "--tenant", SOMEBODY, "--role", "boss"], "there is no role boss"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    merit: Any, arguments: list[str], sentence: str
) -> None:
    done = merit(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("merit: ")
    assert sentence in line


def test_unknown_settings_are_refused(merit: Any) -> None:
    done = merit("doctor", MERIT_COLOUR="blue")
    assert done.returncode == 2
    assert "MERIT_COLOUR" in done.stderr


def test_a_database_that_is_not_there_is_exit_code_3(merit: Any) -> None:
    url = "postgresql://merit:secret@127.0.0.1:1/merit"
    done = merit("tenant", "list", MERIT_DATABASE_URL=url, MERIT_DATA_DIR="data")
    assert done.returncode == 3, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


def test_health_of_nothing_is_exit_code_3(merit: Any) -> None:
    done = merit("health", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (3, {"status": "down"})


def test_doctor_of_an_empty_folder_finds_nothing_wrong(merit: Any) -> None:
    answers = merit.json("doctor")
    assert {each["status"] for each in answers} == {"ok", "not here"}


def test_doctor_lists_every_setting_without_passwords(merit: Any) -> None:
    url = "postgresql://merit:secret@db/merit"
    listed = merit.json("doctor", "--settings", MERIT_DATABASE_URL=url)
    assert {"MERIT_DATABASE_URL", "MERIT_PORT"} <= {each["name"] for each in listed}
    assert ":secret@" not in json.dumps(listed)


def test_a_tenant_and_its_keys(merit: Any, up: Any) -> None:
    there = ("--data-dir", str(up.data_dir))
    made = merit.json("tenant", "create", "华岭机电", *there)
    tenant = made["tenant"]["tenant_id"]
    assert tenant in {each["tenant_id"] for each in merit.json("tenant", "list", *there)}
    key = merit.json("key", "create", "hr", "--tenant", tenant, "--role", "hr", *there)
    with httpx.Client(base_url=f"{up.address}/api/v1") as api:
        bearer = {"Authorization": f"Bearer {key['secret']}"}
        assert api.get("/tenants/self", headers=bearer).json()["tenant_id"] == tenant
        merit.json("key", "revoke", key["key_id"], "--tenant", tenant, *there)
        # Keys are remembered for three seconds at most.
        listed = {
            each["key_id"]: each for each in merit.json("key", "list", "--tenant", tenant, *there)
        }
        assert listed[key["key_id"]]["revoked_at"] is not None
    shown = merit.json("tenant", "show", tenant, *there)
    assert shown["events"] == 3  # two keys issued, one revoked
    assert shown["keys"] == 1


def test_a_webhook_that_nobody_listens_to(merit: Any, up: Any, eventually: Any) -> None:
    place = ("--data-dir", str(up.data_dir))
    tenant = merit.json("tenant", "create", "hooked", *place)["tenant"]["tenant_id"]
    url = "https://erp.invalid/merit"
    made = merit.json("webhook", "create", tenant, "erp", url, "--topic", "access-key.*", *place)
    assert made["secret"].startswith("whsec_")
    [listed] = merit.json("webhook", "list", "--tenant", tenant, *place)
    assert (listed["webhook"]["url"], listed["webhook"]["state"]) == (url, "listening")
    merit.json("webhook", "redeliver", tenant, "erp", "1", *place)

    def tried() -> bool:
        [row] = merit.json("webhook", "deliveries", tenant, "erp", *place)
        assert (row["position"], row["topic"]) == (1, "access-key.issued")
        return bool(row["attempts"] and row["error"] == "erp.invalid is not known")

    assert eventually(tried), "the worker has not tried"
    for wrong in ("https://10.0.0.1/x", "http://erp.invalid/x"):
        done = merit("webhook", "create", tenant, "b", wrong, *place)
        assert done.returncode == 2, done.stderr
    assert merit("webhook", "deliveries", tenant, "none", *place).returncode == 2


def test_commands_over_the_api_name_the_problem(merit: Any, up: Any) -> None:
    key = up.answer["logins"][0]["secret"]
    there = ("--data-dir", str(up.data_dir), "--key", key)
    done = merit("cycle", "status", SOMEBODY, *there)
    assert done.returncode == 2
    assert "404 not-found" in done.stderr
    done = merit("cycle", "status", SOMEBODY, "--data-dir", str(up.data_dir), "--key", "mlk_x")
    assert done.returncode == 2
    assert "401 unauthenticated" in done.stderr


def test_export_verify_and_what_damage_looks_like(merit: Any, up: Any, tmp_path: Any) -> None:
    there = ("--data-dir", str(up.data_dir))
    tenant = merit.json("tenant", "create", "bundle", *there)["tenant"]["tenant_id"]
    bundle = tmp_path / "bundle"
    exported = merit.json("export", "--tenant", tenant, "--out", str(bundle), *there)
    assert exported["events"] == 1
    again = merit("export", "--tenant", tenant, "--out", str(bundle), *there)
    assert (again.returncode, "not empty" in again.stderr) == (2, True)
    verified = merit.json("verify", str(bundle))
    assert verified["ok"]
    assert verified["recomputed"]["findings"] == []
    events = bundle / "events.ndjson"
    events.write_bytes(events.read_bytes().replace(b'"version":1', b'"version":2', 1))
    done = merit("verify", str(bundle), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["first_wrong"] == 1


def test_rebuild_finds_the_views_equal(merit: Any, up: Any) -> None:
    there = ("--data-dir", str(up.data_dir))
    for each in merit.json("rebuild", "audit_trail", *there):
        assert each["live_digest"] == each["new_digest"]
        assert each["switched"]


def test_a_replay_is_the_same_each_time(merit: Any, up: Any) -> None:
    there = ("--data-dir", str(up.data_dir))
    tenant = merit.json("tenant", "create", "replayed", *there)["tenant"]["tenant_id"]
    told = merit.json("replay", "--tenant", tenant, *there)
    assert told["position"] == 1
    assert merit.json("replay", "--tenant", tenant, "--position", "1", *there) == told
    before = ("--known-at", "2020-01-01T00:00:00Z", "--valid-at", "2020-01-01")
    assert merit.json("replay", "--tenant", tenant, *before, *there)["position"] == 0
    for wrong in (("--known-at", "2020-01-01T00:00:00"), ("--position", "99")):
        assert merit("replay", "--tenant", tenant, *wrong, *there).returncode == 2


def test_a_database_is_verified_in_place(merit: Any, up: Any, eventually: Any) -> None:
    there = ("--data-dir", str(up.data_dir))
    tenant = merit.json("tenant", "create", "in place", *there)["tenant"]["tenant_id"]
    assert eventually(lambda: merit("verify", "--tenant", tenant, *there).returncode == 0)
    found = merit.json("verify", "--tenant", tenant, *there)
    assert (found["ok"], found["events"], found["reads"]["damaged"]) == (True, 1, None)
    assert merit("verify").returncode == 2
    new = merit.json("keys", "rotate-log", "--tenant", tenant, *there)["verifier"]
    assert merit("verify", "--tenant", tenant, "--verifier", new, *there).returncode == 0


def test_a_witness_is_started_and_stopped(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "ops.cli", "witness", "serve", str(tmp_path / "w")]
    running = subprocess.Popen(
        [*command, "--port", "0", "--name", "w.example", "--json"], stdout=subprocess.PIPE
    )
    assert running.stdout is not None
    told = json.loads(running.stdout.readline())
    assert httpx.get(f"{told['url']}/key").text.strip() == told["key"]
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 0
    running.stdout.close()
