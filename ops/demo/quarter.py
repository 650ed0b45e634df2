"""Drives a company's quarter over HTTP: everybody does their own part, with their own key."""

import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from domain.access import IssueAccessKey
from domain.appraisal import CalibrateScore, LockScore, PublishResult
from domain.cycle import AdvanceCycle, OpenCycle, Stage
from domain.facts import RecordActual
from domain.feeds import ReceiveFeed
from domain.goals import Target
from domain.ids import batch_id, cycle_id, feed_id, org_unit_id, scheme_id
from domain.org_units import CreateOrgUnit
from domain.payout import ApproveBatch, PrepareBatch, SettleBatch
from domain.ratings import ExplainDeviation, SubmitManagerRating, SubmitSelfRating
from domain.scheme import ApproveScheme, PublishScheme
from ops.client import Api, Done, Problem, together
from ops.demo.model import Company, Fact, Member
from ops.demo.steps import Steps

T = TypeVar("T")

BANK_ACCOUNT = "6222000000000001"


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a goal sheet's proposal; the path names the appraisal."""

    targets: tuple[Target, ...]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The body that puts an employment into a cycle; the path names the cycle."""

    employment_id: UUID


class Told(msgspec.Struct, kw_only=True):
    """What the drive learnt on its way, for the checks."""

    unexplained_lock: str = ""
    """The code with which a lock was refused while a deviation had no reason."""
    own_approval: str = ""
    """The code with which the preparer's own approval was refused."""
    explained: dict[UUID, list[tuple[str, str]]] = {}
    """Appraisal: what was flagged, and the reason given."""
    prepared: list[Done] = []
    """What preparing the same batch twice answered."""


class Quarter:
    """One company, one cycle, one tenant."""

    def __init__(self, api: Api, company: Company, admin: str, steps: Steps) -> None:
        self._api = api
        self._company = company
        self._admin = admin
        self._steps = steps
        self._keys: dict[UUID, str] = {}
        self._cycle = f"/cycles/{cycle_id(company.cycle.code)}"
        self.auditor = ""
        self.integration = ""
        self.told = Told()

    async def drive(self) -> None:
        """The whole quarter, from an empty tenant to money in the bank.

        Raises:
            Problem: something was refused that should not have been.
        """
        await self._found()
        await self._employ()
        await self._open()
        await self._agree_goals()
        await self._take_in()
        await self._rate()
        await self._explain()
        await self._calibrate()
        await self._lock()
        await self._pay()

    async def begin(self) -> None:
        """Open the cycle, agree on the goals, take in the data: up to the ratings."""
        await self._open()
        await self._agree_goals()
        await self._take_in()

    async def compare(self) -> None:
        """Rate, from both sides, and compare."""
        await self._rate()
        await self._advance("comparison")

    def followed_by(self, company: Company) -> "Quarter":
        """The same people with the same keys in another cycle."""
        other = Quarter(self._api, company, self._admin, self._steps)
        other._keys = self._keys
        other.auditor, other.integration = self.auditor, self.integration
        return other

    @property
    def batch(self) -> UUID:
        """The payout batch of the quarter."""
        return batch_id(self._batch_code)

    @property
    def _batch_code(self) -> str:
        return f"{self._company.cycle.code}-1"

    def key(self, person_id: UUID) -> str:
        """The access key of a person."""
        return self._keys[person_id]

    # -- before the quarter

    async def _found(self) -> None:
        company, post = self._company, self._api.post
        for level in _levels(company.units):
            await together(post(self._admin, "/org-units", unit) for unit in level)
        await self._each("岗位 jobs", company.jobs, lambda job: post(self._admin, "/jobs", job))
        await self._each(
            "人员 people",
            company.members,
            lambda member: post(self._admin, "/people", member.person),
        )
        keys = await self._each("访问密钥 keys", company.members, self._issue)
        self._keys = dict(keys)
        self.auditor = await self._secret("审计 auditor", ("auditor",))
        self.integration = await self._secret("业务系统 ERP", ("integration",))

    async def _issue(self, member: Member) -> tuple[UUID, str]:
        secret = await self._secret(member.person.number, member.roles, member.person_id)
        return member.person_id, secret

    async def _secret(
        self, name: str, roles: tuple[str, ...], person_id: UUID | None = None
    ) -> str:
        command = IssueAccessKey(name=name, roles=roles, person_id=person_id)
        answer = msgspec.json.decode(await self._api.post_raw(self._admin, "/keys", command))
        return str(answer["secret"])

    async def _employ(self) -> None:
        hr, executive = self.key(self._company.hr), self.key(self._company.executive)
        await self._each(
            "雇佣 employments", self._company.members, lambda each: self._hire(hr, each)
        )
        for draft in self._company.schemes:
            scheme = f"/schemes/{scheme_id(draft.code)}"
            await self._api.post(hr, "/schemes", draft)
            await self._api.post(executive, f"{scheme}/approve", ApproveScheme(version=1))
            await self._api.post(hr, f"{scheme}/publish", PublishScheme(version=1))

    async def _hire(self, hr: str, member: Member) -> None:
        path = f"/employments/{member.employment_id}"
        await self._api.post(hr, "/employments", member.employment)
        await self._api.post(hr, f"{path}/pay-structure", member.pay)
        for change in member.changes:
            await self._api.post(hr, f"{path}/assignments", change)
        if member.termination is not None:
            await self._api.post(hr, f"{path}/termination", member.termination)

    # -- the quarter

    async def _open(self) -> None:
        hr, post = self.key(self._company.hr), self._api.post
        await post(hr, "/cycles", self._company.cycle)
        for binding in self._company.bindings:
            await post(hr, f"{self._cycle}/schemes", binding)
        await post(hr, f"{self._cycle}/open", OpenCycle())
        await self._each(
            "考核单 appraisals",
            self._company.rated,
            lambda member: post(
                hr, f"{self._cycle}/appraisals", Taken(employment_id=member.employment_id)
            ),
        )

    async def _agree_goals(self) -> None:
        await self._each(
            "目标确认 goals", [each for each in self._company.rated if each.targets], self._goals
        )

    async def _goals(self, member: Member) -> None:
        path = f"/appraisals/{self._company.appraisal_of(member)}/goals"
        proposal = Proposal(targets=member.targets)
        await self._api.post(self._manager_key(member), path, proposal)
        await self._api.post(self.key(member.person_id), f"{path}/agree")

    async def _take_in(self) -> None:
        await self._advance("data-intake")
        feeds: dict[str, list[Fact]] = defaultdict(list)
        for fact in self._company.facts:
            feeds[fact.feed].append(fact)
        await self._each("业务数据 actuals", list(feeds.items()), lambda feed: self._feed(*feed))
        await self._advance("rating")
        await self._over_all("score", may_refuse="nothing-to-score")

    async def _feed(self, name: str, facts: list[Fact]) -> None:
        content = msgspec.json.Encoder().encode_lines(facts)
        feed = ReceiveFeed(
            source=self._company.name,
            name=name,
            checksum=f"sha256:{hashlib.sha256(content).hexdigest()}",
            rows=len(facts),
            as_of=self._company.cycle.ends_on + timedelta(days=1),
        )
        await self._api.post(self.integration, "/feeds", feed)
        number = {each.employment.number: each.employment_id for each in self._company.members}
        await self._api.bulk(
            self.integration,
            (
                (
                    "/actuals",
                    RecordActual(
                        cycle_id=cycle_id(self._company.cycle.code),
                        employment_id=number[fact.number],
                        indicator=fact.indicator,
                        value=fact.value,
                        occurred_on=fact.occurred_on,
                        feed_id=feed_id(feed.source, feed.name),
                    ),
                )
                for fact in facts
            ),
        )

    async def _rate(self) -> None:
        await self._each("自评与上级评 ratings", self._company.rated, self._rate_both)

    async def _rate_both(self, member: Member) -> None:
        path = f"/appraisals/{self._company.appraisal_of(member)}"
        await self._api.post(
            self.key(member.person_id),
            f"{path}/self-rating",
            SubmitSelfRating(ratings=member.self_ratings),
        )
        await self._api.post(
            self._manager_key(member),
            f"{path}/manager-rating",
            SubmitManagerRating(ratings=member.manager_ratings),
        )

    async def _explain(self) -> None:
        await self._advance("comparison")
        flagged = [
            (UUID(row["appraisal_id"]), [each["of"] for each in row["compared"] if each["flagged"]])
            async for row in self.appraisals()
        ]
        flagged = [(appraisal, of) for appraisal, of in flagged if of]
        if flagged:
            hr = self.key(self._company.hr)
            path = f"/appraisals/{flagged[0][0]}/lock"
            self.told.unexplained_lock = await self._refusal(hr, path, LockScore())
        by_id = {self._company.appraisal_of(member): member for member in self._company.rated}
        await self._each(
            "偏差说明 deviations", flagged, lambda each: self._reasons(by_id[each[0]], *each)
        )

    async def _reasons(self, member: Member, appraisal: UUID, flagged: list[str]) -> None:
        for of in flagged:
            await self._api.post(
                self._manager_key(member),
                f"/appraisals/{appraisal}/deviation",
                ExplainDeviation(of=of, reason=member.reason),
            )
        self.told.explained[appraisal] = [(of, member.reason) for of in flagged]

    async def _calibrate(self) -> None:
        await self._advance("calibration")
        await self._each(
            "校准 calibrations",
            [member for member in self._company.rated if member.calibration],
            self._adjust,
        )

    async def _adjust(self, member: Member) -> None:
        if member.calibration is None:
            return
        await self._api.post(
            self.key(self._company.hr),
            f"/appraisals/{self._company.appraisal_of(member)}/calibration",
            CalibrateScore(
                adjustment=member.calibration.adjustment,
                reason_code=member.calibration.reason_code,
                reason=member.calibration.reason,
                authorised_by=self._company.executive,
            ),
        )

    async def _lock(self) -> None:
        await self._over_all("lock")
        await self._advance("locked")
        hr = self.key(self._company.hr)
        await self._each(
            "结果公布 results",
            self._company.rated,
            lambda member: self._api.post(
                hr, f"/appraisals/{self._company.appraisal_of(member)}/publish", PublishResult()
            ),
        )

    # -- the money

    async def _pay(self) -> None:
        await self._advance("paying")
        preparer, approver = (
            self.key(self._company.preparer),
            self.key(self._company.approver),
        )
        command = PrepareBatch(
            code=self._batch_code,
            cycle_id=cycle_id(self._company.cycle.code),
            appraisal_ids=tuple(
                self._company.appraisal_of(member) for member in self._company.rated
            ),
        )
        path = f"/payout-batches/{self.batch}"
        with self._steps.step("发放 payout batch", 4) as tick:
            for _ in range(2):  # the same command again is the same batch, not a second one
                self.told.prepared.append(
                    await self._api.post(preparer, "/payout-batches", command)
                )
                tick()
            self.told.own_approval = await self._refusal(
                preparer, f"{path}/approve", ApproveBatch(comment="self")
            )
            await self._api.post(approver, f"{path}/approve", ApproveBatch(comment="已核对"))
            tick()
            await self._api.post(
                approver,
                f"{path}/settle",
                SettleBatch(bank_account=BANK_ACCOUNT, bank_reference=f"{self._batch_code}-BANK"),
            )
            tick()

    # -- questions

    async def appraisals(self) -> Any:
        """The cycle's appraisals, as an auditor sees them."""
        async for row in self._api.pages(self.auditor, f"{self._cycle}/appraisals"):
            yield row

    # -- how

    async def _advance(self, to: Stage) -> None:
        await self._api.post(
            self.key(self._company.hr), f"{self._cycle}/advance", AdvanceCycle(to=to)
        )

    async def _over_all(self, what: str, *, may_refuse: str = "") -> None:
        """Score or lock every appraisal of the cycle at once."""
        with self._steps.step({"score": "考核初分 scores", "lock": "锁定 locks"}[what], 1) as tick:
            answer = msgspec.json.decode(
                await self._api.post_raw(self.key(self._company.hr), f"{self._cycle}/{what}")
            )
            tick()
        for refused in (each for each in answer["refused"] if each["code"] != may_refuse):
            raise Problem(409, refused["code"], refused["detail"], f"{what} {refused['id']}")

    async def _refusal(self, key: str, path: str, command: msgspec.Struct) -> str:
        """The code of a refusal that must come."""
        try:
            await self._api.post(key, path, command)
        except Problem as problem:
            return problem.code
        return ""

    async def _each(
        self, label: str, items: Iterable[Any], work: Callable[[Any], Awaitable[T]]
    ) -> list[T]:
        """The same for all of them, side by side, shown as one step."""
        every = list(items)
        with self._steps.step(label, len(every)) as tick:

            async def one(item: Any) -> T:
                done = await work(item)
                tick()
                return done

            return await together(one(item) for item in every)

    def _manager_key(self, member: Member) -> str:
        if member.manager_id is None:
            raise ValueError(f"{member.person.number} is led by nobody")
        return self._keys[member.manager_id]


def _levels(units: tuple[CreateOrgUnit, ...]) -> list[list[CreateOrgUnit]]:
    """Units that may be made at the same time: those whose parents are there."""
    levels: list[list[CreateOrgUnit]] = []
    parents: set[UUID | None] = {None}
    rest = list(units)
    while rest:
        level = [unit for unit in rest if unit.parent_id in parents]
        if not level:
            raise ValueError(f"nobody is above {rest[0].code}")
        levels.append(level)
        rest = [unit for unit in rest if unit not in level]
        parents |= {org_unit_id(unit.code) for unit in level}
    return levels
