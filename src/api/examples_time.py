"""Example bodies for where and when people work, and who decides while they are away."""

from typing import Any


def time_examples(*, delegate: str) -> dict[str, dict[str, Any]]:
    """By command.

    Args:
        delegate: who decides while somebody is away.
    """
    place = {
        "name": "总部园区",
        "latitude": "31.230416",
        "longitude": "121.473701",
        "radius_m": 300,
    }
    return {
        "RequestPunch": {
            "on": "2025-03-10",
            "at": "2025-03-10T18:05:00+08:00",
            "direction": "out",
            "reason": "忘记打卡",
        },
        "SetFence": {"places": [place]},
        "RemoveFence": {"reason": "不再使用"},
        "GiveLocationConsent": {},
        "WithdrawLocationConsent": {"reason": "不再使用"},
        "GiveDelegation": {
            "delegate_id": delegate,
            "kinds": ["goals", "time"],
            "starts_on": "2025-07-01",
            "ends_on": "2099-12-31",
            "reason": "休假期间",
        },
        "RevokeDelegation": {"reason": "提前返岗"},
    }
