"""Chinese of what people do together: instant rewards, the approvals inbox, requests."""

CHINESE: dict[str, str] = {
    # -- rewards
    "Instant rewards": "即时奖励",
    "Instant reward": "即时奖励",
    "Rewards": "奖励",
    "For what was achieved now. Proposed by one, approved by another, granted out of a budget; no"
    " score and no base pay is touched.": (
        "奖励当下的成果。一人提名，另一人批准，从预算中授予；不影响任何得分与基本薪酬。"
    ),
    "There are no such rewards.": "没有符合条件的奖励。",
    "What for": "事由",
    "For whom": "获奖人",
    "Achieved on": "完成日期",
    "Nominated by": "提名人",
    "Decided by": "决定人",
    "Budgets of rewards": "奖励预算",
    "No budget has been set. Finance sets one; rewards are granted out of it.": (
        "尚未设定预算。预算由财务设定，奖励从中授予。"
    ),
    "Budget": "预算",
    "Sum": "总额",
    "Granted so far": "已授予",
    "Left": "剩余",
    "At most a person": "个人上限",
    "Nominate": "提名",
    "Rewards come out of a budget, and none has been set.": "奖励从预算中支出，目前尚未设定预算。",
    "People of": "人员范围",
    "my team": "我的团队",
    "Nobody to choose from here.": "此范围内没有可选人员。",
    "{code}: {left} left": "{code}：剩余 {left}",
    "In a few words; it is what the wall shows.": "请简要填写；表彰墙将显示此内容。",
    "Amount for all": "总金额",
    "Person {number}": "人员 {number}",
    "More people": "更多人员",
    "Part": "份额",
    "Parts count against each other; nothing is one part.": "按份额比例分配；不填即为一份。",
    "On the wall": "上表彰墙",
    "Everybody may read what it is for and whose it is, never how much.": (
        "所有人可见事由与获奖人，金额不公开。"
    ),
    "The reward is proposed. Somebody else approves it.": "奖励已提名，由另一人批准。",
    "Set a budget": "设定预算",
    "The code of a budget that there is changes its sum, its cap or its days.": (
        "填写已有预算的代码，可更改其总额、个人上限或期限。"
    ),
    "Currency of the cap": "上限币种",
    "Set the budget": "设定预算",
    "The budget is set.": "预算已设定。",
    "A reward whose text was erased": "奖励（文字内容已删除）",
    "Left in the budget {code}": "预算 {code} 剩余",
    "of {amount}": "总额 {amount}",
    "Who shares it": "分配",
    "Nothing of it is yours to see.": "没有您可见的份额。",
    "It is yours too, so others decide on it.": "其中有您的份额，因此由其他人决定。",
    "You nominated it, so somebody else approves it.": "由您提名，因此由另一人批准。",
    "The reward is approved. Finance grants it.": "奖励已批准，由财务授予。",
    "Granting takes the sum out of the budget.": "授予后，金额从预算中扣除。",
    "Grant": "授予",
    "The reward is granted, and its sum is out of the budget.": "奖励已授予，金额已从预算中扣除。",
    "Reject": "驳回",
    "The reward is rejected.": "奖励已驳回。",
    "Revoke": "撤销",
    "Revoking gives the budget its sum back; what was paid becomes a claim of the next batch.": (
        "撤销后金额退回预算；已发放的部分在下一批次中追回。"
    ),
    "The reward is revoked, and its budget has the sum again.": "奖励已撤销，金额已退回预算。",
    "Its payment": "发放情况",
    "It has not been prepared for payment.": "尚未编制发放批次。",
    "Prepare its payment": "编制发放批次",
    "Recognition wall": "表彰墙",
    "What colleagues achieved. Everybody reads it; how much it was worth is not told.": (
        "同事们的成果。所有人可见，金额不公开。"
    ),
    "Nothing hangs on the wall yet.": "表彰墙上暂无内容。",
    # -- approvals
    "Approvals": "审批",
    "Everything that waits for your decision, the oldest first.": "等待您决定的全部事项，最早的在前。",
    "Nothing waits for your decision.": "没有等待您决定的事项。",
    "Your decision is recorded.": "您的决定已记录。",
    "Agree": "确认",
    "another target: {target}": "目标改为 {target}",
    "not to count for this person": "对此人不计",
    "to be decided by {day}": "须于 {day} 前裁定",
    "Decide: {count} to go": "审批：还有 {count} 项",
    "Somebody waits for each of them.": "每一项都有人在等待。",
}
