"""Chinese of the pages of employees: start, progress, results, receipts, appeals."""

CHINESE: dict[str, str] = {
    # -- start
    "Start": "首页",
    "Hello, {name}": "您好，{name}",
    "What is to be done next, and where things stand.": "接下来要做的事，以及当前进展。",
    "To do": "待办",
    "Nothing waits for you. What you may look at is in the menu.": "暂无待办。可查看的内容见菜单。",
    "Running cycles": "进行中的考核周期",
    "Read your result of {cycle}": "查看您在{cycle}的结果",
    "It was published; confirm that you have seen it, or appeal.": "结果已公布：请确认已阅，或提出申诉。",
    "Rate yourself for {cycle}": "完成{cycle}的自评",
    "Your manager rates you too; neither sees the other's before both are in.": (
        "您的上级也会评分；双方都提交之前，互相不可见。"
    ),
    # -- progress
    "My progress": "我的进度",
    "What was agreed, what was achieved so far, and what it would come to if it stayed so.": (
        "已约定的目标、目前的完成情况，以及若保持不变将得到的结果。"
    ),
    "Projected score": "预估得分",
    "Projected performance pay": "预估绩效薪酬",
    "projection": "预估",
    "From the data alone, as they are now. It binds nobody.": "仅依据当前数据，不具约束力。",
    "There is nothing to project from yet.": "目前没有可用于预估的数据。",
    "Coefficient {value}": "系数 {value}",
    "It follows from the score.": "由得分决定。",
    "One point more would be worth": "多一分值多少",
    "The next band begins at {edge} points.": "下一档从 {edge} 分开始。",
    "Every point counts alike in your scheme.": "在您的方案中每一分的作用相同。",
    "Left out, because not known yet": "暂未计入（尚无数据）",
    "No goals have been proposed yet. Your manager proposes them, or speak to them about yours.": (
        "尚未拟定目标。目标由您的上级拟定，您也可以主动沟通。"
    ),
    "agreed": "已确认",
    "proposed, not yet agreed": "已拟定，尚未确认",
    "These goals count once you agree. If one of them is wrong, speak to your manager first.": (
        "目标经您确认后生效。如有不妥，请先与上级沟通。"
    ),
    "I agree on these goals": "我确认这些目标",
    "You agreed on your goals.": "您已确认目标。",
    "Rate myself": "自评",
    "No appraisal of yours is running. Past results are on their own page.": (
        "您目前没有进行中的考核。以往结果见“我的结果”。"
    ),
    "Goals and what was achieved": "目标与完成情况",
    "Your scheme measures nothing by data; people judge what you do.": (
        "您的方案没有数据指标，由人评价。"
    ),
    "Indicator": "指标",
    "Section": "板块",
    "Weight": "权重",
    "Target": "目标",
    "Achieved so far": "目前完成",
    "Reached": "完成率",
    "excused": "已豁免",
    "no data yet": "暂无数据",
    # -- results
    "My results": "我的结果",
    "My result": "我的结果",
    "Result": "结果",
    "My result, {cycle}": "我的结果：{cycle}",
    "{name}, {cycle}": "{name}:{cycle}",
    "Every published result, with the way to its explanation.": "每一个已公布的结果及其说明。",
    "No result has been shown to you yet.": "尚无已公布的结果。",
    "The result has not been published yet. Until then you see where things stand.": (
        "结果尚未公布。在此之前可查看当前进展。"
    ),
    "Cycle": "考核周期",
    "Score": "得分",
    "Coefficient": "绩效系数",
    "Performance pay": "绩效薪酬",
    "Stage": "阶段",
    "Version {number}": "第 {number} 版",
    "It multiplies the performance part of pay.": "与薪酬的绩效部分相乘。",
    "Difference after a correction": "更正后的差额",
    "Please confirm that you have seen this result. That is no consent: you may appeal all the same.": (
        "请确认您已看到此结果。这并不表示同意，您仍可申诉。"
    ),
    "I have seen my result": "我已看到结果",
    "You confirmed that you have seen your result.": "您已确认看到结果。",
    "How the score came about": "得分的由来",
    "How the amount came about": "金额的由来",
    "How the bonus is computed, with your numbers": "奖金的计算方式（您的数字）",
    "How the bonus is computed": "奖金的计算方式",
    "performance pay": "绩效薪酬基数",
    "coefficient": "绩效系数",
    "working time": "工作时间",
    "With one point more ({score}) the coefficient would be {coefficient} and the amount {amount}.": (
        "若多一分（{score}），系数为 {coefficient}，金额为 {amount}。"
    ),
    "The amount, down to the events": "金额，追溯到事件",
    "The score, down to the events": "得分，追溯到事件",
    "Every number follows from those below it by the rule that is named; the last ones were read"
    " from recorded events.": (
        "每个数字都按所列规则由其下方的数字得出；最末的数字取自已记录的事件。"
    ),
    "Total": "合计",
    "{count} steps, in sum {total}": "共 {count} 步，合计 {total}",
    "does not count": "不计",
    "Step": "步骤",
    "Change": "变化",
    "Sum so far": "累计",
    "Weighted total": "加权总分",
    "your goals as they were agreed": "经确认的目标",
    "{what} by {who}, {when}": "{what},{who},{when}",
    "{label} of {day}, known since {when}": "{day} 的{label}，{when} 起已知",
    # -- history
    "Who changed what": "变更记录",
    "Who changed what, when and why": "谁在何时因何更改",
    "Nothing is ever edited in place: every change is an entry here, with who made it and when.": (
        "任何内容都不会被直接改写：每次变更都是一条记录，写明操作人和时间。"
    ),
    "When": "时间",
    "What": "事项",
    "Who": "操作人",
    "Details": "详情",
    "Event": "事件",
    "event": "事件",
    "not open to you at this time": "目前对您不可见",
    "{label}: self {own}, manager {other}": "{label}：自评 {own}，上级评 {other}",
    # -- receipt
    "Receipt": "回执",
    "A signed proof of this score. Keep it: it is verified without us, years later.": (
        "此得分的签名凭证。请妥善保存：多年以后无需我们即可验证。"
    ),
    "Person": "人员",
    "Version": "版本",
    "Recorded": "记录时间",
    "Digest of the explanation": "说明的摘要",
    "Signed by": "签名密钥",
    "Everything holds: this score is in the log that was signed.": "全部成立：此得分在已签名的日志中。",
    "This receipt does not hold. Tell your administrator.": "此回执不成立，请告知管理员。",
    "The statement and the checkpoint are signed by that key.": "声明与检查点均由该密钥签名。",
    "The stored event is the one that the statement is about.": "所存事件正是声明所指的事件。",
    "The log of that checkpoint contains the event at its place.": "该检查点的日志在相应位置包含此事件。",
    "The statement says what this page shows.": "声明内容与本页所示一致。",
    "Verify in this browser": "在此浏览器中验证",
    "Download": "下载",
    # -- appeals
    "My appeals": "我的申诉",
    "Appeal": "申诉",
    "Each with its course and its deadlines.": "每一件的经过与期限。",
    "You have not appealed. From a published result you can.": "您没有申诉。可从已公布的结果提出。",
    "About": "针对",
    "Status": "状态",
    "Filed": "提交时间",
    "Decision due": "应答复日期",
    "Appeal against a result": "对结果提出申诉",
    "You have appealed already, about {what}.": "您已就“{what}”提出申诉。",
    "Follow it": "查看进展",
    "An independent person looks at it again, within 15 working days after it was accepted. You may"
    " appeal within 10 working days after the result was published. It never counts against you.": (
        "由独立人员在受理后15个工作日内复核。结果公布后10个工作日内可提出申诉。申诉不会对您产生任何不利影响。"
    ),
    "What is it about?": "针对哪一项？",
    "The whole score": "整个得分",
    "What is wrong, and what would be right?": "哪里不对，正确的应是什么？",
    "File the appeal": "提交申诉",
    "Your appeal was filed.": "申诉已提交。",
    "Evidence": "证据",
    "A document stays with you: its name and its checksum are recorded, so that it can be shown"
    " later to be the same one.": (
        "文件由您自己保存：系统只记录其名称和校验和，以便日后证明是同一文件。"
    ),
    "Choose a document {number}": "选择文件 {number}",
    "Name of document {number}": "文件 {number} 的名称",
    "Checksum of document {number}": "文件 {number} 的校验和",
    "sha256: and 64 characters; filled in when you choose a document.": (
        "sha256: 加64个字符；选择文件后自动填入。"
    ),
    "Appeal about {what}": "申诉：{what}",
    "Reviewer": "复核人",
    "not named yet": "尚未指定",
    "once it was accepted": "受理后确定",
    "May be escalated until": "可上诉至",
    "Course": "经过",
    "Add evidence": "补充证据",
    "Note": "说明",
    "Add it": "补充",
    "Your evidence was added.": "证据已补充。",
    "Withdraw": "撤回",
    "The score then stays as it is. That you appealed stays in the history.": (
        "撤回后得分保持不变；申诉记录仍保留在历史中。"
    ),
    "Withdraw my appeal": "撤回我的申诉",
    "Your appeal was withdrawn.": "申诉已撤回。",
    "Escalate": "上诉",
    "Why should another reviewer decide?": "为什么应由另一位复核人决定？",
    "Your appeal goes to another reviewer.": "申诉已转交另一位复核人。",
    # -- self rating
    "Self rating": "自评",
    "Your scheme asks for no rating: the data decide.": "您的方案无需评分，由数据决定。",
    "Your rating is in. It stays sealed from your manager until theirs is in too.": (
        "您的评分已提交。在上级也提交之前，对其不可见。"
    ),
    "Ratings are not open at this time; the cycle is at: {stage}.": (
        "目前不在评分阶段；考核周期处于：{stage}。"
    ),
    "Points from 0 to 100. Your manager rates you too; neither of you sees the other's rating"
    " before both are in. It cannot be changed once it was sent.": (
        "请给出0至100分。您的上级也会评分；双方都提交之前互相不可见。提交后不可更改。"
    ),
    "Grades 1 to {count}": "等级 1 至 {count}",
    "Section {section}, weight {share} %": "板块：{section}，权重 {share} %",
    "Comment": "说明",
    "What speaks for these points? Facts help more than adjectives.": (
        "这些分数的依据是什么？事实比形容词更有说服力。"
    ),
    "Send my rating": "提交自评",
    "Your rating is in.": "评分已提交。",
    "Rate colleagues": "评价同事",
    "Whom you were asked to rate. What you say is told with that of others, never alone, and is not"
    " changed afterwards.": (
        "邀请您评价的同事。您的评价与他人的一并呈现，不单独显示，提交后不可更改。"
    ),
    "Points from 0 to 100": "0至100分",
    "Nobody has asked you to rate a colleague now.": "目前没有待您评价的同事。",
    "Given": "已评价",
}
