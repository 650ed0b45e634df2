"""The end of a month: goals proposed and agreed, ratings, dashboards, and onboarding beside it.

Run by `make load`, which starts a server, prepares the tenants, and judges what came out.
"""

import itertools
import json
import os
import secrets
from pathlib import Path
from typing import Any

from locust import HttpUser, between, constant, task

PLACE = json.loads(Path(os.environ["MERIT_LOAD_PLACE"]).read_text(encoding="utf-8"))
BASE = "/api/v1"
RUN = secrets.token_hex(4)
_KEYS = itertools.count()
TARGETS = {
    "targets": [
        {"indicator": "contract", "target": "1200000"},
        {"indicator": "collection", "target": "900000"},
        {"indicator": "output", "target": "1000000"},
    ]
}
# Each of them happens once for each person, so they are handed out.
_PROPOSED = iter(PLACE["goals"]["people"])
_AGREED: list[dict[str, str]] = []
_SELF = iter(PLACE["ratings"]["people"])
_MANAGER = iter(PLACE["ratings"]["people"])
_HIRED = itertools.count(1)
BULK_PEOPLE = 20


class Caller(HttpUser):
    """Somebody with an access key."""

    abstract = True

    def act(self, name: str, key: str, path: str, body: Any) -> bool:
        """A command of its own; whether it was carried out."""
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"{RUN}-{next(_KEYS)}"}
        answer = self.client.post(f"{BASE}{path}", json=body, headers=headers, name=name)
        return bool(answer.ok)

    def ask(self, name: str, key: str, path: str) -> None:
        """A question."""
        self.client.get(f"{BASE}{path}", headers={"Authorization": f"Bearer {key}"}, name=name)


class GoalSetter(Caller):
    """A company at the beginning of its cycle: managers propose, employees approve."""

    weight = 3
    wait_time = between(0.2, 1.0)

    @task(2)
    def propose(self) -> None:
        person = next(_PROPOSED, None)
        if person is None:
            self.dashboard()
            return
        path = f"/appraisals/{person['appraisal']}/goals"
        if self.act("check-in: propose goals", PLACE["goals"]["manager"], path, TARGETS):
            _AGREED.append(person)

    @task(2)
    def agree(self) -> None:
        if not _AGREED:
            return
        person = _AGREED.pop()
        path = f"/appraisals/{person['appraisal']}/goals/agree"
        self.act("approval: agree to goals", person["key"], path, {})

    @task(1)
    def dashboard(self) -> None:
        path = f"/cycles/{PLACE['cycle']}"
        self.ask("dashboard: cycle", PLACE["goals"]["hr"], path)


class Rater(Caller):
    """A company at the end of its cycle: both sides rate, and everybody looks."""

    weight = 6
    wait_time = between(0.2, 1.0)

    @task(3)
    def rate_self(self) -> None:
        person = next(_SELF, None)
        if person is None:
            self.mine()
            return
        body = {"ratings": [{"indicator": "duty", "points": "90"}], "comment": "done in time"}
        self.act(
            "rating: self", person["key"], f"/appraisals/{person['appraisal']}/self-rating", body
        )

    @task(3)
    def rate_as_manager(self) -> None:
        person = next(_MANAGER, None)
        if person is None:
            self.team()
            return
        body = {"ratings": [{"indicator": "duty", "points": "88"}]}
        path = f"/appraisals/{person['appraisal']}/manager-rating"
        self.act("rating: manager", PLACE["ratings"]["manager"], path, body)

    @task(2)
    def team(self) -> None:
        path = f"/cycles/{PLACE['cycle']}/appraisals?limit=50"
        self.ask("dashboard: team", PLACE["ratings"]["hr"], path)

    @task(2)
    def mine(self) -> None:
        person = secrets.choice(PLACE["ratings"]["people"])
        self.ask("dashboard: mine", person["key"], f"/appraisals/{person['appraisal']}")


class Onboarder(Caller):
    """Another company that is being taken over from its old system meanwhile."""

    fixed_count = 1
    wait_time = constant(0.5)

    @task
    def take_over(self) -> None:
        lines = []
        for _ in range(BULK_PEOPLE):
            number = f"P-{RUN}-{next(_HIRED)}"
            body = {"number": number, "name": "Taken over"}
            lines.append({"path": "/people", "body": body, "idempotency_key": f"load-{number}"})
        headers = {
            "Authorization": f"Bearer {PLACE['onboarding']['hr']}",
            "Content-Type": "application/x-ndjson",
        }
        with self.client.post(
            f"{BASE}/bulk",
            data="\n".join(map(json.dumps, lines)),
            headers=headers,
            name="onboarding: bulk",
            catch_response=True,
        ) as answer:
            outcomes = [json.loads(line) for line in answer.text.splitlines()] if answer.ok else []
            if [each["status"] for each in outcomes] != [201] * BULK_PEOPLE:
                answer.failure(f"not every line was carried out: {answer.text[:300]}")
