"""Chinese of the pages of the personnel department: cycles, schemes, people, appeals, sessions."""

CHINESE: dict[str, str] = {
    # -- cycles
    "Cycles": "考核周期",
    "Where each cycle stands. Open one for its cockpit.": "各周期所处的阶段。打开一个周期进入驾驶舱。",
    "No cycle has been planned yet. The API plans one: POST /cycles.": (
        "尚未计划考核周期。可通过接口 POST /cycles 计划一个。"
    ),
    "Code": "编码",
    "From": "开始",
    "Until": "结束",
    "Appraisals": "考核单",
    "Appraisals by stage": "按阶段的考核单",
    "There are no appraisals in this cycle yet.": "本周期尚无考核单。",
    "What holds it up": "卡点",
    "Nothing holds this cycle up.": "本周期没有卡点。",
    "What": "事项",
    "How many": "数量",
    "By unit": "按部门",
    "Unit": "部门",
    "Led by": "上级",
    "Self ratings": "自评",
    "Managers' ratings": "上级评分",
    "Locked": "已锁定",
    "Published": "已公布",
    "{what}: the first {shown} of {count}": "{what}：共 {count} 人，显示前 {shown} 人",
    "Nobody is held up by this any more.": "已没有人因此卡住。",
    "Who would not be locked, and why": "哪些人不会被锁定，以及原因",
    "Everybody would be locked.": "所有人都会被锁定。",
    "Why": "原因",
    "In detail": "详情",
    "People with the job {job} are appraised by different schemes: one job, one standard. Change the"
    " binding, or record the reason.": (
        "岗位 {job} 的员工适用不同的考核方案：同岗应同标准。请更改绑定，或记录原因。"
    ),
    "What locking would do now": "现在锁定的结果",
    "Would be locked": "将被锁定",
    "Would be refused": "将被拒绝",
    "Done before": "此前已完成",
    "Whatever could be locked is locked.": "可以锁定的均已锁定。",
    "A locked score is a version that never changes: only an upheld appeal or an accepted correction"
    " makes another one beside it. Who would be refused stays as they are.": (
        "锁定的得分是不再改变的版本：只有申诉获支持或更正被接受，才会另生成一个版本。"
        "将被拒绝的人保持原状。"
    ),
    "Lock {count} scores": "锁定 {count} 份得分",
    "Next steps": "下一步",
    "Open the cycle": "启动周期",
    "From then on goals are set. Its schemes are bound: {count}.": (
        "启动后开始制定目标。已绑定的方案：{count} 个。"
    ),
    "The cycle is open.": "周期已启动。",
    "Create missing appraisals": "补建考核单",
    "One for each segment of each employment whose scheme is bound; those that are there stay.": (
        "为每个已绑定方案的任职区间建立一份；已有的保持不变。"
    ),
    "The appraisals that were missing are there.": "缺少的考核单已建立。",
    "Calculate initial scores": "计算考核初分",
    "From data alone, for everybody. The product does so by itself as data come; this asks for it"
    " now.": "仅依据数据，为所有人计算。数据到达时系统会自动计算；此处立即计算。",
    "Initial scores are calculated.": "考核初分已计算。",
    "Look first who would be locked, who would not, and why.": (
        "请先查看哪些人会被锁定、哪些人不会，以及原因。"
    ),
    "Preview of locking everybody": "预览全部锁定",
    "Publish {count} results": "公布 {count} 份结果",
    "Everybody whose score is locked is shown it, with the whole explanation. The window for appeals"
    " opens.": "得分已锁定的每个人都会看到结果和完整的解释。申诉窗口随之开启。",
    "The results are published.": "结果已公布。",
    "Close the cycle": "关闭周期",
    "Nothing can be changed in it afterwards.": "关闭后其中内容不能再更改。",
    "The cycle is closed.": "周期已关闭。",
    "Go on to: {stage}": "进入下一阶段：{stage}",
    "The stage before is over then; there is no way back.": "当前阶段随之结束，不能返回。",
    "The cycle went on.": "周期已进入下一阶段。",
    # -- schemes
    "Schemes": "考核方案",
    "Scheme": "考核方案",
    "How people are appraised. A version never changes; another one is drafted, checked up, approved"
    " by somebody else, and published.": (
        "员工如何被考核。版本不再更改；新版本须经起草、体检、他人批准后发布。"
    ),
    "There is no scheme yet. Begin from a template.": "尚无考核方案。请从模板开始。",
    "Versions": "版本",
    "Newest": "最新版本",
    "Begin from a template": "从模板开始",
    "The scheme is drafted.": "方案已起草。",
    "Template": "模板",
    "Name of the scheme": "方案名称",
    "Draft it": "起草",
    "drafted by {who}": "起草人：{who}",
    "approved by {who}": "批准人：{who}",
    "Draft another version from this one": "据此起草新版本",
    "Draft a version": "起草版本",
    "Check-up of this version": "此版本的体检",
    "The check-up finds nothing to object to.": "体检未发现问题。",
    "Where": "位置",
    "Severity": "级别",
    "Finding": "发现",
    "Indicators and weights": "指标与权重",
    "Rule": "规则",
    "What differs": "差异",
    "Against version {number}": "与版本 {number} 比较",
    "From version {before} to version {after}": "从版本 {before} 到版本 {after}",
    "These versions do not differ.": "两个版本没有差异。",
    "Before": "之前",
    "After": "之后",
    "The check-up is on record.": "体检结果已记录。",
    "Put the check-up on record. Nothing is approved before.": "将体检结果记录在案。此前不能批准。",
    "Check it up": "体检",
    "You drafted this version, so somebody else approves it.": "此版本由您起草，因此须由他人批准。",
    "The version is approved.": "版本已批准。",
    "It takes effect with the next cycle that it is bound to.": "自绑定的下一周期起生效。",
    "I accept this fault": "我接受此缺陷",
    "The version is published.": "版本已发布。",
    "It takes effect as it was approved.": "按批准的方式生效。",
    "Needed where weights changed or thresholds were lowered.": "权重变化或阈值降低时必填。",
    "Publish": "发布",
    "The version is retired.": "版本已停用。",
    "It stays where it is bound, and is not bound any more.": "已绑定处继续有效，但不能再绑定。",
    "Retire it": "停用",
    "Simulate with a past cycle": "用历史周期模拟",
    "Choose": "选择",
    "Nobody was appraised by this scheme in that cycle.": "该周期没有员工适用此方案。",
    "The simulation is done.": "模拟已完成。",
    "{count} appraisals are calculated as they are and as version {number} would make them. Nobody's"
    " score or pay changes.": (
        "将 {count} 份考核单按现状和按版本 {number} 分别计算。不会改变任何人的得分或薪酬。"
    ),
    "Simulate": "模拟",
    "Simulated": "模拟于",
    "What version {number} would change, person by person": "版本 {number} 对每个人的影响",
    "Score before": "原得分",
    "Score after": "新得分",
    "Pay before": "原绩效薪酬",
    "Pay after": "新绩效薪酬",
    "Obstacle": "障碍",
    "Draft a version of {scheme}": "起草“{scheme}”的新版本",
    "From version {number}. It changes nothing before it is approved by somebody else and published.": (
        "基于版本 {number}。在他人批准并发布之前不会改变任何内容。"
    ),
    "The version is drafted.": "版本已起草。",
    "Weights are in hundredths of a percent: 4000 is 40 %. Those of a section's indicators make"
    " 10000, and so do those of the sections.": (
        "权重以万分之一为单位：4000 即 40%。同一部分内各指标权重合计为 10000，各部分权重合计亦然。"
    ),
    "Draft the version": "起草此版本",
    # -- people and organisation
    "Organisation": "组织架构",
    "Units and people as they are, were, or will be on a day.": "某一天的部门与人员：过去、现在或将来。",
    "Day that the page is of": "页面所示日期",
    "Show that day": "显示该日",
    "Or the very day": "或指定日期",
    "Units": "部门",
    "{count} people": "{count} 人",
    "All units": "全部部门",
    "{unit} has {count} people in or below a unit that does not exist on that day.": (
        "{unit}有 {count} 人属于当日已不存在的部门或其下级。"
    ),
    "People on {day}": "{day} 的人员",
    "Nobody was employed here on that day.": "当日此处没有在职人员。",
    "Number": "编号",
    "Job": "岗位",
    "Hired": "入职日",
    "Last day": "离职日",
    "Person": "人员",
    "Erased person": "已删除的个人",
    "Employment {number}": "任职 {number}",
    "today": "至今",
    "left": "已离职",
    "employed": "在职",
    "Assignments": "任职安排",
    "On that day": "当日",
    "in force": "生效中",
    "planned": "计划",
    "before": "此前",
    "Full-time equivalent": "全时当量",
    "Pay structures": "薪酬结构",
    "No pay structure is on record.": "没有薪酬结构记录。",
    "Total a month": "月薪总额",
    "Performance share": "绩效占比",
    "Fixed pay": "固定薪酬",
    "Not appraised yet.": "尚未考核。",
    # -- appeals
    "Appeals desk": "申诉处理",
    "Every appeal with its deadlines. Accept it or return it for completion, name a reviewer, and the"
    " reviewer decides.": "所有申诉及其期限。受理或退回补充，指定复核人，由复核人决定。",
    "Appeals": "申诉",
    "all": "全部",
    "There are no such appeals.": "没有这样的申诉。",
    "To be filed until": "申诉截止日",
    "Appeal of {name} about {what}": "{name}关于“{what}”的申诉",
    "The appeal is accepted; the time to decide it runs.": "申诉已受理，开始计算决定期限。",
    "Its form is right: it is decided in time. What it says is not judged here.": (
        "形式符合要求，将按期决定。此处不判断其内容。"
    ),
    "Accept": "受理",
    "The appeal went back for completion.": "申诉已退回补充。",
    "What is missing?": "缺少什么？",
    "Return it": "退回",
    "The reviewer is named.": "复核人已指定。",
    "Nobody who had a hand in the score.": "不得是参与过该得分的人。",
    "Name the reviewer": "指定复核人",
    "The appeal is decided.": "申诉已决定。",
    "What is upheld corrects facts; the score is computed from them anew, and a difference is paid.": (
        "支持即更正事实；据此重新计算得分，并补发差额。"
    ),
    "Outcome": "结果",
    "Correction {number}": "更正 {number}",
    "none": "无",
    "achieved": "完成值",
    "points": "分值",
    "Right value": "正确值",
    "Day of the fact": "事实日期",
    "Decide": "决定",
    "The appeal has expired.": "申诉已逾期。",
    "Only once its deadline is over: the person may then escalate.": (
        "仅在期限已过之后：当事人随后可以上诉。"
    ),
    "Record that it expired": "登记逾期",
}
