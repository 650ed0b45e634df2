"""Chinese of the pages of managers: the team and its ratings."""

CHINESE: dict[str, str] = {
    "Team board": "团队看板",
    "Where each of your team stands, and what is yours to do.": "团队每个人的进展，以及您要做的事。",
    "Rated": "已评分",
    "{name} stands at {score}, within one point of {edge}, where another coefficient begins. A small"
    " change has a large effect.": (
        "{name}目前为 {score} 分，距离 {edge} 分的分档界线不足一分。小小的变化会带来很大的影响。"
    ),
    "Look at it": "查看",
    "Find somebody of your team": "查找团队成员",
    "Nobody is in your team in this cycle, or nobody is called so.": (
        "本周期您的团队没有成员，或没有此姓名的成员。"
    ),
    "Rate your team: {count} to go": "为团队评分：还有 {count} 人",
    "Scores are compared once both sides have rated.": "双方都评分后进行比对。",
    "Explain deviations: {count} to go": "说明偏差：还有 {count} 项",
    "A score cannot be locked before each of them has a reason.": "每项偏差都有原因之后，得分才能锁定。",
    "Name": "姓名",
    "Initial score": "考核初分",
    "Your rating": "您的评分",
    "Next step": "下一步",
    "explain the deviation": "说明偏差",
    "rate": "评分",
    "in": "已提交",
    "open": "未提交",
    "Rating": "评分",
    "Rating of {name}": "为{name}评分",
    "Score as it stands": "当前得分",
    "Initial score, from data alone": "考核初分（仅依据数据）",
    "The score is within one point of {edge}, where another coefficient begins. A small change has a"
    " large effect: be sure of your reasons.": (
        "得分距离 {edge} 分的分档界线不足一分。小小的变化会带来很大的影响：请确认您的理由充分。"
    ),
    "Reasons that are needed": "需要说明的原因",
    "Both ratings lie more than {points} points apart. The score cannot be locked before you say"
    " why.": "双方评分相差超过 {points} 分。说明原因之前，得分不能锁定。",
    "Self": "自评",
    "Manager": "上级评",
    "Reason": "原因",
    "Reason for {label}": "“{label}”的偏差原因",
    "What did you see that the other side did not? It is shown to {name}.": (
        "您看到了哪些对方没有看到的情况？此说明对{name}可见。"
    ),
    "Record the reason": "提交原因",
    "The reason was recorded.": "原因已记录。",
    "This scheme asks for no rating: the data decide.": "此方案无需评分，由数据决定。",
    "Points from 0 to 100. The self rating is sealed until yours is in: rate by what you saw.": (
        "请给出0至100分。在您提交之前自评不可见：请依据您的观察评分。"
    ),
    "You may rate anew after the comparison; the rating before stays in the history.": (
        "比对之后可以重新评分；原评分保留在历史中。"
    ),
    "Reason for the change": "更改原因",
    "Send the rating": "提交评分",
    "Rate anew": "重新评分",
    "Beside it": "对照",
    "Comment of {name}": "{name}的说明",
    "Two-way comparison": "双向比对",
    "The comparison is made once both sides have rated.": "双方都评分后进行比对。",
    "What the data say": "数据情况",
    "This scheme measures nothing by data.": "此方案没有数据指标。",
    "Achieved": "完成",
    "Deviation": "偏差",
    "explained": "已说明",
    "reason needed": "需要说明",
    "within the limit": "在允许范围内",
}
