"""One example body per command, from the worked baseline: a marketing quarter that pays 26,928.00.

The documentation shows them and the tests send them, so they cannot grow old.
"""

from typing import Any, Final

from api.examples_migration import migration_examples
from api.examples_operating import operating_examples
from api.examples_privacy import privacy_examples
from api.examples_rating import rating_examples
from api.examples_review import review_examples
from api.examples_rewards import reward_examples
from api.examples_time import time_examples
from domain import ids

UNIT: Final = "MKT"
JOB: Final = "SALES-2"
PERSON: Final = "P-1001"
MANAGER: Final = "P-0001"
EMPLOYMENT: Final = "E-1001"
MANAGER_EMPLOYMENT: Final = "E-0001"
SCHEME: Final = "MKT"
CYCLE: Final = "2025Q1"

UNIT_ID: Final = str(ids.org_unit_id(UNIT))
JOB_ID: Final = str(ids.job_id(JOB))
PERSON_ID: Final = str(ids.person_id(PERSON))
MANAGER_ID: Final = str(ids.person_id(MANAGER))
EMPLOYMENT_ID: Final = str(ids.employment_id(EMPLOYMENT))
SCHEME_ID: Final = str(ids.scheme_id(SCHEME))
CYCLE_ID: Final = str(ids.cycle_id(CYCLE))
APPRAISAL_ID: Final = str(ids.appraisal_id(ids.cycle_id(CYCLE), ids.employment_id(EMPLOYMENT)))
OBJECTIVE_ID: Final = str(ids.objective_id(ids.cycle_id(CYCLE), "growth"))
APPEAL_ID: Final = str(
    ids.appeal_id(
        ids.appraisal_id(ids.cycle_id(CYCLE), ids.employment_id(EMPLOYMENT)), 1, "collection"
    )
)
FEED_ID: Final = str(ids.feed_id("erp", "2025Q1-actuals"))
SESSION: Final = "2025Q1-MKT"
SESSION_ID: Final = str(ids.calibration_session_id(SESSION))
BATCH_ID: Final = str(ids.batch_id("2025Q1-1"))
POOL_ID: Final = str(ids.pool_id("2025Q1-POOL"))

_ASSIGNMENT: Final = {
    "org_unit_id": UNIT_ID,
    "job_id": JOB_ID,
    "cost_centre": "CC-100",
    "manager_id": MANAGER_ID,
    "fte": "1",
}


def _ratio(code: str, name: str, weight_bp: int) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "weight_bp": weight_bp,
        "rule": {"kind": "ratio", "floor": "0", "cap": "120"},
    }


_SHEET: Final = ids.occurrence_sheet_id(ids.cycle_id(CYCLE), ids.employment_id(EMPLOYMENT))
OCCURRENCE_SHEET_ID: Final = str(_SHEET)
DEFINITION_ID: Final = str(ids.indicator_definition_id("collection"))

_SECTIONS: Final = [
    {
        "code": "economic",
        "name": "经济指标",
        "weight_bp": 8000,
        "indicators": [
            _ratio("contract", "合同额", 4000),
            _ratio("collection", "回款额", 4000),
            _ratio("output", "产值", 2000),
        ],
    },
    {
        "code": "duty",
        "name": "岗位职责",
        "weight_bp": 2000,
        "indicators": [
            {"code": "duty", "name": "履职", "weight_bp": 10000, "rule": {"kind": "manual"}}
        ],
    },
]

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "CreateOrgUnit": {"code": UNIT, "name": "市场部", "valid_from": "2024-01-01"},
    "DefineJob": {
        "code": JOB,
        "title": "销售经理",
        "family": "marketing",
        "level": 2,
        "coefficient_min": "0",
        "coefficient_max": "1.2",
        "duties": ["客户开发", "合同回款"],
    },
    "RegisterPerson": {"number": PERSON, "name": "王晓明"},
    "HireEmployee": {
        "number": EMPLOYMENT,
        "person_id": PERSON_ID,
        "hired_on": "2024-01-01",
        "assignment": _ASSIGNMENT,
    },
    "MoveOrgUnit": {"effective_from": "2025-07-01", "parent_id": None, "reason": "组织调整"},
    "RenameOrgUnit": {"effective_from": "2025-07-01", "name": "市场一部"},
    "CloseOrgUnit": {"last_day": "2025-12-31", "reason": "并入销售部"},
    "ChangeJobGrade": {
        "effective_from": "2025-07-01",
        "level": 3,
        "coefficient_min": "0",
        "coefficient_max": "1.5",
        "reason": "职级调整",
    },
    "DefineJobDuties": {"effective_from": "2025-07-01", "duties": ["客户开发", "合同回款"]},
    "ExceptSameWork": {"cycle_id": CYCLE_ID, "reason": "新区试点"},
    "RehireEmployee": {
        "number": "E-1001-2",
        "person_id": PERSON_ID,
        "hired_on": "2026-03-17",
        "assignment": _ASSIGNMENT,
        "previous_employment_id": EMPLOYMENT_ID,
    },
    "RecordLeave": {
        "starts_on": "2025-03-03",
        "ends_on": "2025-03-07",
        "kind": "personal",
        "unpaid": True,
        "reason": "家事",
    },
    "CancelLeave": {"starts_on": "2025-03-03", "reason": "未休"},
    "RequestShareOverride": {
        "effective_from": "2025-07-01",
        "effective_until": "2025-12-31",
        "performance_share": "0.65",
        "reason": "重点项目周期",
    },
    "ApproveShareOverride": {"effective_from": "2025-07-01", "reason": "同意"},
    "RejectShareOverride": {"effective_from": "2025-07-01", "reason": "理由不足"},
    "VoidAppraisal": {"reason": "离职政策"},
    "ChangeAssignment": {"effective_from": "2025-07-01", "assignment": _ASSIGNMENT},
    "SetPayStructure": {
        "effective_from": "2024-01-01",
        "monthly_total": {"amount": "20000.00", "currency": "CNY"},
        "performance_share": "0.5",
    },
    "TerminateEmployment": {
        "last_day": "2025-12-31",
        "leaver": "good-leaver",
        "reason": "合同到期",
    },
    "DraftScheme": {
        "code": SCHEME,
        "content": {
            "name": "营销岗位季度考核",
            "sections": _SECTIONS,
            "coefficient": {"kind": "linear"},
            "score_cap": "120",
            "deviation_threshold": "10.00",
            "deductions": [
                {"code": "late-report", "name": "报告迟交", "points": "1.5"},
                {"code": "incident", "name": "责任事故", "points": "5"},
            ],
            "deduction_cap": "10",
            "bonuses": [{"code": "commendation", "name": "公司表彰", "points": "6"}],
            "bonus_cap": "5",
            "vetoes": [{"code": "compliance-breach", "name": "重大违规"}],
        },
    },
    "CloneScheme": {
        "code": "MKT-EAST",
        "origin": {"scheme_id": SCHEME_ID, "version": 1},
        "name": "华东营销岗位季度考核",
    },
    "DraftFromTemplate": {"code": "FIN", "template": "function-finance", "name": "财务部考核"},
    "LintScheme": {"version": 1},
    "SimulateScheme": {
        "version": 2,
        "effect": {
            "policy": "split",
            "cycle_id": CYCLE_ID,
            "effective_from": "2025-02-01",
        },
        "appraisal_ids": [APPRAISAL_ID],
        "assumed": [{"indicator": "duty", "points": "88"}],
    },
    "RetireScheme": {"version": 1, "reason": "由新版本替代"},
    "SetLintLimits": {"limits": {"economic_weight_min_bp": 6000}, "reason": "薪酬委员会决定"},
    "DefineIndicator": {
        "code": "collection",
        "name": "回款完成率",
        "nature": "economic",
        "rule": {"kind": "ratio", "floor": "0", "cap": "120"},
        "formula": "到账回款 / 回款目标",
        "unit": "CNY",
        "period": "quarter",
        "evidence_required": True,
        "job_value": [{"family": "marketing", "goal": "现金流"}],
    },
    "RetireIndicator": {"reason": "并入合同完成率"},
    "RecordOccurrence": {
        "cycle_id": CYCLE_ID,
        "employment_id": EMPLOYMENT_ID,
        "item": "late-report",
        "times": 2,
        "occurred_on": "2025-02-10",
        "reason": "二月周报两次迟交",
        "evidence": "OA-2025-0210",
    },
    "ProposeVeto": {
        "cycle_id": CYCLE_ID,
        "employment_id": EMPLOYMENT_ID,
        "item": "compliance-breach",
        "occurred_on": "2025-02-20",
        "reason": "虚报合同",
        "evidence": "AUDIT-2025-07",
    },
    "ApplyVeto": {"proposal": "01890000-0000-7000-8000-000000000001"},
    "WithdrawOccurrence": {
        "occurrence": "01890000-0000-7000-8000-000000000001",
        "reason": "复核后查无此事",
    },
    "ApproveScheme": {"version": 1, "reason": "薪酬委员会同意"},
    "PublishScheme": {"version": 1, "reason": "2025年度方案"},
    "PlanCycle": {
        "code": CYCLE,
        "name": "2025年第一季度",
        "starts_on": "2025-01-01",
        "ends_on": "2025-03-31",
    },
    "BindScheme": {
        "scheme_id": SCHEME_ID,
        "scheme_version": 1,
        "family": "marketing",
        "org_unit_id": UNIT_ID,
    },
    "OpenCycle": {},
    "AdvanceCycle": {"to": "data-intake"},
    "ExtendDeadline": {"stage": "rating", "on": "2099-12-31", "reason": "春节假期顺延"},
    "SetWorkCalendar": {
        "year": 2025,
        "holidays": ["2025-05-01", "2025-05-02", "2025-05-05"],
        "made_up": ["2025-04-27"],
    },
    "RecordAttendance": {
        "on": "2025-03-10",
        "at": "2025-03-10T09:01:00+08:00",
        "direction": "in",
        "device": "mobile",
    },
    "WithdrawAttendance": {
        "record": "00000000-0000-4000-8000-000000000001",
        "reason": "设备误报",
    },
    "RequestLeave": {
        "starts_on": "2025-06-16",
        "ends_on": "2025-06-18",
        "kind": "personal",
        "reason": "家中有事",
    },
    "RequestOvertime": {"on": "2025-03-15", "minutes": 180, "reason": "上线值守"},
    "ApproveTimeRequest": {"comment": "同意"},
    "RejectTimeRequest": {"reason": "当周人手不足"},
    "WithdrawTimeRequest": {},
    "CloseCycle": {},
    "ResolveParticipants": {},
    "CreateAppraisal": {"employment_id": EMPLOYMENT_ID},
    "ProposeGoals": {
        "targets": [
            {"indicator": "contract", "target": "1200000"},
            {"indicator": "collection", "target": "900000"},
            {"indicator": "output", "target": "1000000"},
        ]
    },
    "AgreeGoals": {},
    "ReceiveFeed": {
        "source": "erp",
        "name": "2025Q1-actuals",
        "checksum": f"sha256:{'0' * 64}",
        "rows": 3,
        "as_of": "2025-03-31",
    },
    "RecordActual": {
        "cycle_id": CYCLE_ID,
        "employment_id": EMPLOYMENT_ID,
        "indicator": "contract",
        "value": "1140000",
        "occurred_on": "2025-03-31",
    },
    "CalculateInitialScore": {},
    "SubmitSelfRating": {"ratings": [{"indicator": "duty", "points": "90"}], "comment": "按期完成"},
    "SubmitManagerRating": {"ratings": [{"indicator": "duty", "points": "88"}]},
    "ExplainDeviation": {"of": "duty", "reason": "客户流失未计入自评"},
    "CalibrateScore": {
        "adjustment": "-0.50",
        "reason_code": "peer-comparison",
        "reason": "校准会决定",
        "authorised_by": MANAGER_ID,
    },
    "LockScore": {},
    "PublishResult": {},
    "PrepareBatch": {"code": "2025Q1-1", "cycle_id": CYCLE_ID, "appraisal_ids": [APPRAISAL_ID]},
    "ApproveBatch": {"comment": "同意"},
    "SettleBatch": {"bank_account": "CN-6222-01", "bank_reference": "BR-20250415-1"},
    "InstructBatch": {"bank_account": "CN-6222-01"},
    "VoidBatch": {"reason": "名单有误"},
    "InstructPayment": {"bank_account": "CN-6222-01"},
    "SettlePayment": {"bank_reference": "BR-20250416-7"},
    "ReturnPayment": {"bank_reference": "RT-20250416-1", "reason": "账号有误"},
    "VoidPayout": {"reason": "重复"},
    "FundPool": {
        "code": "2025Q1-POOL",
        "cycle_id": CYCLE_ID,
        "amount": {"amount": "100000.00", "currency": "CNY"},
        "cost_centre": "CC-100",
        "cap": "0.3",
    },
    "WithdrawFromPool": {
        "amount": {"amount": "10000.00", "currency": "CNY"},
        "reason": "预算调整",
    },
    "AllocatePool": {"appraisal_ids": [APPRAISAL_ID]},
    "ResettlePool": {"policy": "reserve", "reason": "更正后重算"},
    "FixExchangeRate": {
        "cycle_id": CYCLE_ID,
        "from_currency": "CNY",
        "to_currency": "JPY",
        "rate": "20.4851",
        "source": "中国人民银行 2025-03-31",
    },
    "SetClawbackLimit": {
        "employment_id": EMPLOYMENT_ID,
        "limit": "0.2",
        "reason": "双方约定",
    },
    "AssertBalance": {
        "account": "clearing:bank:CN-6222-01",
        "balance": {"amount": "-26928.00", "currency": "CNY"},
        "as_of": "2025-04-30",
        "source": "银行对账单 2025-04",
    },
    "ExportJournal": {"system": "kingdee", "through": 10},
    "IssueAccessKey": {"name": "payroll connector", "roles": ["integration"]},
    "RotateAccessKey": {"overlap_h": 24},
    "RevokeAccessKey": {"reason": "replaced"},
    "GrantSignIn": {
        "person_id": PERSON_ID,
        "login": "wang.wu@company.example",
        "roles": ["employee"],
    },
    "RevokeSignIn": {"reason": "on leave"},
    "ProviderGiven": {
        "issuer": "https://login.company.example",
        "client_id": "meritledger",
        "client_secret": "kept by the provider and by us, sealed",
        "login_claim": "email",
    },
    "RemoveIdentityProvider": {"reason": "another one"},
    **rating_examples(
        cycle=CYCLE_ID,
        appraisal=APPRAISAL_ID,
        rater=str(ids.person_id("P-1002")),
        manager=MANAGER_ID,
    ),
    **review_examples(
        cycle=CYCLE_ID,
        employment=EMPLOYMENT_ID,
        appraisal=APPRAISAL_ID,
        reviewer=str(ids.person_id("P-2001")),
    ),
    **reward_examples(unit=UNIT_ID, employment=EMPLOYMENT_ID),
    **privacy_examples(),
    **time_examples(delegate=MANAGER_ID),
    **operating_examples(),
    **migration_examples(),
    "Line": {
        "path": "/people",
        "idempotency_key": "import-1-row-1",
        "body": {"number": PERSON, "name": "王晓明"},
    },
}
