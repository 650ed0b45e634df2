"""Example bodies for incidents, the rota of who is on call, and webhooks."""

from typing import Any, Final

from domain import ids

INCIDENT: Final = "INC-2025-001"
INCIDENT_ID: Final = str(ids.incident_id(INCIDENT))
WEBHOOK: Final = "erp"
WEBHOOK_ID: Final = str(ids.webhook_id(WEBHOOK))


def operating_examples() -> dict[str, dict[str, Any]]:
    """By command."""
    return {
        "ReportIncident": {
            "code": INCIDENT,
            "title": "绩效地图打不开",
            "severity": "ordinary",
            "source": "hotline",
            "affected": "绩效地图",
        },
        "AcknowledgeIncident": {"note": "已联系客户"},
        "ReclassifyIncident": {"severity": "major", "reason": "所有页面都打不开"},
        "RestoreService": {"how": "切换到备用服务器"},
        "ResolveIncident": {"cause": "磁盘已满", "action": "扩容并设置告警"},
        "ReopenIncident": {"reason": "再次出现"},
        "RecordProbes": {
            "prober": "shanghai-1",
            "probes": [
                {
                    "minute": "2025-03-01T00:00:00Z",
                    "read_ok": True,
                    "read_ms": 21,
                    "write_ok": True,
                    "write_ms": 34,
                }
            ],
        },
        "SubscribeWebhook": {
            "code": WEBHOOK,
            "url": "https://erp.company.example/merit",
            "topics": ["payout.*", "webhook.*"],
            "description": "金蝶 ERP",
        },
        "ChangeWebhook": {"url": "https://erp.company.example/hooks", "topics": ["payout.*"]},
        "RotateWebhookSecret": {"overlap_h": 48},
        "PauseWebhook": {"reason": "ERP 停机维护"},
        "ResumeWebhook": {},
        "RemoveWebhook": {"reason": "已停用"},
        "PingWebhook": {},
        "ReplayWebhook": {"after": 0},
        "RedeliverEvent": {"position": 1},
        "SetOnCallRota": {
            "shifts": [
                {
                    "starts_at": "2025-01-01T00:00:00+08:00",
                    "ends_at": "2025-07-01T00:00:00+08:00",
                    "who": "李值班",
                    "contact": "400-000-0001",
                },
                {
                    "starts_at": "2025-07-01T00:00:00+08:00",
                    "ends_at": "2026-01-01T00:00:00+08:00",
                    "who": "赵值班",
                    "contact": "400-000-0002",
                },
            ]
        },
    }
