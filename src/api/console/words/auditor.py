"""Chinese of the pages of auditors."""

CHINESE: dict[str, str] = {
    "Timeline": "事件时间线",
    "Everything that ever happened: who did what, when. Nothing is changed, nothing is taken away.": (
        "发生过的一切：何人、何时、何事。任何记录都不会被更改或删除。"
    ),
    "Filter": "筛选",
    "Everything": "全部",
    "everything": "全部",
    "What": "事项",
    "Who (id)": "何人（编号）",
    "About what (id)": "关于何物（编号）",
    "About whom or what (id)": "关于何人或何物（编号）",
    "An appraisal, a person, a cycle, a batch: everything has its own history.": (
        "考核单、人员、周期、批次：每个对象都有自己的历史。"
    ),
    "Since": "自",
    "Events, the newest first": "事件（最新在前）",
    "No event is like that. Take away a filter.": "没有符合条件的事件。请减少筛选条件。",
    "Event {number}": "第 {number} 个事件",
    "Neighbours": "相邻事件",
    "The event before": "上一个事件",
    "The event after": "下一个事件",
    "on behalf of {name}": "代表{name}",
    "Topic": "主题",
    "version {number}": "第 {number} 版",
    "Command": "命令",
    "Request": "请求",
    "What it changed": "它改变了什么",
    "Proof": "证明",
    "The hashes lead from this event to the root that was signed: it is in the log at its place.": (
        "哈希从此事件逐级通向已签名的根：它就在日志的这个位置。"
    ),
    "The hashes do not lead to the root that was signed. Tell your administrator.": (
        "哈希未能通向已签名的根。请告知管理员。"
    ),
    "This browser computed the same root.": "本浏览器计算出相同的根。",
    "This browser computed another root.": "本浏览器计算出不同的根。",
    "Hash of the event": "事件的哈希",
    "Size of the log": "日志长度",
    "Signed root": "已签名的根",
    "Signed": "签名时间",
    "{count} hashes on the way": "途经 {count} 个哈希",
    "It is not sealed yet. Every few seconds a new root is signed; load the page again.": (
        "尚未封存。每隔几秒会签署新的根，请稍后刷新页面。"
    ),
    "Two moments": "时点对比",
    "What the system knew at one moment of its log, and at another.": (
        "系统在日志的两个时点分别知道什么。"
    ),
    "Of what": "对比对象",
    'The id of an appraisal, or "ledger" for the balance of every account.': (
        "考核单编号；或填 ledger 对比所有账户余额。"
    ),
    "First moment: event": "第一时点：事件",
    "Second moment: event": "第二时点：事件",
    "In force by": "生效截至",
    "Of the ledger: only entries that take effect by this day.": "对账簿：仅含此日之前生效的分录。",
    "Compare": "对比",
    "What changed between the two moments": "两个时点之间的变化",
    "Nothing changed between the two moments.": "两个时点之间没有变化。",
    "Field": "字段",
    "At event {number}": "第 {number} 个事件时",
    "{same} of {count} fields are the same.": "{count} 个字段中有 {same} 个相同。",
    "The log is a tree of hashes whose root is signed. Whoever holds a root notices if anything"
    " before it is changed.": ("日志是一棵哈希树，其根经过签名。持有根的人能发现此前的任何篡改。"),
    "The newest signed root": "最新签名的根",
    "Signed text": "签名文本",
    "Keep it outside of this system: it is what a later log is held against.": (
        "请保存在本系统之外：日后可据此检验日志。"
    ),
    "Proof of the newest event": "最新事件的证明",
    "Nothing was signed yet: the first root is signed seconds after the first event.": (
        "尚无签名：首个事件之后数秒内签署第一个根。"
    ),
    "Verify without us": "独立验证",
    "An operator writes the whole history as a signed bundle; sealed, it can be verified and not be"
    " read.": "运维人员将全部历史导出为签名包；密封后只能验证、不可读取。",
    "You verify it on your own machine: no database, no network, no secret. The first event that is"
    " wrong is named.": (
        "您在自己的机器上验证：无需数据库、网络或密钥。若有错误，会指出第一个出错的事件。"
    ),
    "The receipt of an employee is verified alike.": "员工的凭证以同样方式验证。",
    "Who read what": "读取审计",
    "Every answer that told something sensitive was written down before it left; the values are not"
    " in it.": "凡涉及敏感信息的应答，在发出之前均已登记；登记中不含具体数值。",
    "The chain holds: {entries} entries in {batches} batches, computed again just now.": (
        "链条完整：{batches} 批共 {entries} 条，刚刚重新计算。"
    ),
    "The chain is broken at batch {batch}.": "链条在第 {batch} 批断裂。",
    "Nobody has read anything sensitive like that.": "没有符合条件的敏感读取。",
    "Read": "读取时间",
    "Rows": "行数",
    "Fields": "字段",
    "Purpose": "目的",
    "Who could": "权限回溯",
    "Who could see or change a score at a time, and who had done so: from the grants and relations"
    " of then.": "某一时刻谁能查看或更改得分、谁已这样做：依据当时的授权与关系。",
    "Appraisal (id)": "考核单（编号）",
    "At": "时刻",
    "What was recorded later is not looked at.": "之后的记录不计入。",
    "Look": "查看",
    "Who could see or change it then": "当时谁能查看或更改",
    "Nobody could.": "无人。",
    "Roles": "角色",
    "Stands as": "身份",
    "Saw the score": "可见得分",
    "yes": "是",
    "no": "否",
    "Commands": "可用命令",
    "Granted": "授权时间",
    "Who had changed it by then": "至当时谁已更改",
    "Nobody had.": "无人。",
}
