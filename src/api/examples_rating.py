"""Examples of bodies around ratings: 360, waivers, adjustments, calibration sessions."""

from typing import Any


def rating_examples(
    *, cycle: str, appraisal: str, rater: str, manager: str
) -> dict[str, dict[str, Any]]:
    """By command, as they follow from the worked baseline."""
    points = [{"indicator": "duty", "points": "86"}]
    return {
        "NominateRater": {"rater_id": rater, "group": "peer"},
        "ApproveRater": {"rater_id": rater},
        "DeclineRater": {"rater_id": rater, "reason": "亲属关系"},
        "ReplaceRater": {"rater_id": rater, "by_id": manager, "reason": "已调离"},
        "SubmitPeerRating": {"rater_id": rater, "ratings": points, "comment": "配合主动"},
        "ReviseManagerRating": {"ratings": points, "reason": "补充了项目材料"},
        "ReplyToDeviation": {"of": "duty", "reply": "客户反馈见附件"},
        "ReassignRater": {"rater_id": manager, "reason": "原上级已离职"},
        "RequestWaiver": {"reason": "上级与隔级上级均已离职"},
        "ApproveWaiver": {},
        "ProposeAdjustment": {
            "adjustment": "1.50",
            "reason_code": "market",
            "reason": "区域市场下滑",
        },
        "ApproveAdjustment": {},
        "RejectAdjustment": {"reason": "证据不足"},
        "OpenCalibrationSession": {
            "code": "2025Q1-MKT",
            "name": "营销部一季度校准会",
            "cycle_id": cycle,
            "appraisal_ids": [appraisal],
            "target": [
                {"code": "A", "from_score": "90", "share": "20"},
                {"code": "B", "from_score": "70", "share": "70"},
                {"code": "C", "from_score": "0", "share": "10"},
            ],
        },
        "AddToCalibrationSession": {"appraisal_ids": [appraisal]},
        "ProposeRatingChange": {
            "appraisal_id": appraisal,
            "adjustment": "-0.50",
            "reason_code": "peer-comparison",
            "reason": "同级对比",
        },
        "DecideRatingChange": {
            "proposal": 1,
            "accepted": True,
            "reason_code": "agreed",
            "reason": "一致同意",
        },
        "CheckDistribution": {},
        "CloseCalibrationSession": {"reason": "人数过少,分布仅供参考"},
        "AcknowledgeResult": {},
    }
