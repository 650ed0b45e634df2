"""Chinese of the pages of finance: batches, payouts, the ledger."""

CHINESE: dict[str, str] = {
    # -- batches
    "Payout batches": "发放批次",
    "Payout batch": "发放批次",
    "Payout batch {code}": "发放批次 {code}",
    "Prepared by one person, approved by another, then paid. Every line says why it is what it is.": (
        "由一人编制，另一人批准，然后发放。每一行都说明其金额的由来。"
    ),
    "Nothing has been prepared for payment yet.": "尚未编制任何发放批次。",
    "Batch": "批次",
    "State": "状态",
    "Lines": "行数",
    "{count} lines": "{count} 行",
    "Prepared by": "编制人",
    "Approved by": "批准人",
    "by another person than who prepared it": "由编制人以外的人批准",
    "everybody": "所有人",
    "What it would pay": "将发放的内容",
    "Amount": "金额",
    "Kind": "类别",
    "difference": "差额",
    "first line": "首次发放",
    "Prepare a batch": "编制批次",
    "Preview": "预览",
    "There are more people than one batch names. Prepare by unit.": (
        "人数超过一个批次的上限。请按部门编制。"
    ),
    "The batch is prepared. Somebody else approves it.": "批次已编制，由他人批准。",
    "Code of the batch": "批次编码",
    "Unique, as 2025Q1-1; it is the bank's reference too.": (
        "唯一编码，如 2025Q1-1；也用作银行附言。"
    ),
    "Prepare {count} lines": "编制 {count} 行",
    "There are no such lines.": "没有这样的发放行。",
    "Cost centre": "成本中心",
    "Base": "基数",
    "Kept": "抵扣",
    "Bank account": "银行账户",
    "Bank reference": "银行流水号",
    "You prepared this batch, so somebody else approves it.": "此批次由您编制，因此须由他人批准。",
    "The batch is approved and posted.": "批次已批准并入账。",
    "Approving posts every line: the pay becomes an expense and a debt.": (
        "批准后每一行都会入账：薪酬成为费用和应付款。"
    ),
    "Approve": "批准",
    "The batch is with the bank.": "批次已提交银行。",
    "Say that the payment file went to the bank.": "记录付款文件已提交银行。",
    "Instruct the bank": "提交银行",
    "The batch is settled.": "批次已发放完成。",
    "Record that the bank has paid it. A line that came back is returned by itself.": (
        "记录银行已付款。被退回的行需单独登记退回。"
    ),
    "Value date": "起息日",
    "Settle": "登记到账",
    "The batch is void.": "批次已作废。",
    "Voiding posts the opposite of what was posted. The batch stays in the history.": (
        "作废会记入相反的分录。批次仍保留在历史中。"
    ),
    "Void the batch": "作废批次",
    # -- lines
    "Payout line": "发放行",
    "Payout lines": "发放行",
    "Payout of {name}": "{name}的发放",
    "The line that it corrects": "被更正的发放行",
    "Kept against what was owed": "用于抵扣欠款",
    "Returned by the bank": "银行退回",
    "What it posted": "入账分录",
    "The payment is with the bank.": "付款已提交银行。",
    "The payment is settled.": "付款已到账。",
    "The return is recorded; pay it again with another account.": (
        "退回已登记；请用另一账户重新付款。"
    ),
    "The bank sent the money back. The debt stays; it is paid again by a new instruction.": (
        "银行已退回款项。应付款仍在；可重新提交付款。"
    ),
    "Record the return": "登记退回",
    "The line is void.": "发放行已作废。",
    "Voiding posts the opposite of what was posted. What is still due can be prepared anew.": (
        "作废会记入相反的分录。仍应发放的可重新编制。"
    ),
    "Void the line": "作废此行",
    # -- the ledger
    "Ledger": "账簿",
    "Every payout as double entry. It is computed twice, from the balances and from the journal, at"
    " any moment of the past.": "每笔发放均按复式记账。可在任意历史时点由余额和日记账分别计算并核对。",
    "balanced": "借贷平衡",
    "not balanced": "借贷不平",
    "{count} accounts disagree": "{count} 个科目不一致",
    "balances and journal agree": "余额与日记账一致",
    "As it was at event number": "截至事件序号",
    "Empty: now, at event {number}.": "留空表示现在，即第 {number} 个事件。",
    "By entries that take effect until": "截至生效日",
    "Show": "查看",
    "Trial balance": "试算平衡表",
    "Nothing has been posted yet.": "尚无入账。",
    "Currency": "币种",
    "Debit": "借方",
    "Credit": "贷方",
    "Difference": "差额",
    "Balances of accounts": "科目余额",
    "Balances of accounts: {shown} of {count} that are not zero": (
        "科目余额：{count} 个非零科目，显示 {shown} 个"
    ),
    "Account": "科目",
    "Balance": "余额",
    "Entries": "分录数",
    "Journal": "日记账",
    "Entries of {account}": "{account} 的分录",
    "In the order of posting. Each entry leads to its payout line, and from there down to the"
    " events.": "按入账顺序。每条分录可追溯到发放行，并由此追溯到事件。",
    "Nothing has been posted here.": "此处尚无入账。",
    "Event": "事件",
    "number {position}": "第 {position} 号",
    "Takes effect": "生效日",
    "Recorded": "记录时间",
    # -- differences
    "Differences and clawbacks": "差额与追回",
    "What corrections and upheld appeals changed after payment: more is paid, too much is claimed and"
    " kept from later payouts.": (
        "发放后因更正和申诉支持而产生的变化：少发的补发，多发的追回并从后续发放中抵扣。"
    ),
    "Differences after corrections and appeals": "更正与申诉产生的差额",
    "No difference has been paid or claimed.": "没有补发或追回的差额。",
    "Entitled in all": "应得总额",
    "claim": "追回",
    "payment": "补发",
    "all cycles": "所有周期",
    "What is still owed": "尚欠金额",
    "Nobody owes anything.": "无人欠款。",
    "Owed": "欠款",
    "Share of each payout that is kept": "每次发放的抵扣比例",
    "The share is set.": "抵扣比例已设置。",
    "Share that is kept of each payout of {name}": "{name}每次发放的抵扣比例",
    "Share, as 0.2": "比例，如 0.2",
    "Set the share": "设置比例",
}
