"""The words of the report, in English and Chinese."""

from typing import Final, Literal

Language = Literal["en", "zh"]

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Monthly system health report", "月度系统健康检查报告"),
    "customer": ("Customer", "客户"),
    "month": ("Month", "月份"),
    "verdict": ("Verdict", "结论"),
    "all-kept": ("Every promise was kept.", "所有承诺均已兑现。"),
    "not-kept": ("Not every promise was kept, or measured.", "部分承诺未兑现，或缺少数据。"),
    "kept": ("kept", "达成"),
    "missed": ("missed", "未达成"),
    "no-data": ("no data", "无数据"),
    "met": ("met", "达成"),
    "running": ("running", "进行中"),
    "probes": ("probes", "探测次数"),
    "drills-run": ("drills", "演练次数"),
    "failed": ("failed", "失败"),
    "longest-pause-hours": ("longest pause, hours", "最长间隔（小时）"),
    "promise": ("Promise", "承诺"),
    "detail": ("Detail", "说明"),
    "writes": ("Commands answered (99.9 %)", "写入可用性（99.9%）"),
    "reads": ("Questions answered (99.95 %)", "查询可用性（99.95%）"),
    "incidents-respond": ("Response within 15 minutes", "15分钟内响应"),
    "incidents-restore": ("Major faults restored within 8 hours", "重大故障8小时内恢复"),
    "incidents-solve": ("Ordinary problems solved within 2 hours", "普通问题2小时内解决"),
    "restore-drills": ("A restore drill every 8 days", "每8天一次恢复演练"),
    "availability": ("Availability, as a prober outside saw it", "可用性（外部探测）"),
    "measure": ("Measure", "指标"),
    "minutes": ("Minutes of the month", "当月分钟数"),
    "good": ("good", "正常"),
    "bad": ("bad", "异常"),
    "without": ("without data", "无数据"),
    "share": ("share", "可用率"),
    "budget": ("budget left, minutes", "剩余预算（分钟）"),
    "p50": ("p50, ms", "中位耗时（毫秒）"),
    "p99": ("p99, ms", "p99耗时（毫秒）"),
    "by-day": ("Good minutes of each day", "每日正常分钟占比"),
    "incidents": ("Incidents", "故障"),
    "no-incidents": ("No incidents began in this month.", "本月无故障。"),
    "code": ("Incident", "单号"),
    "what": ("What", "内容"),
    "severity": ("Severity", "级别"),
    "major": ("major", "重大故障"),
    "ordinary": ("ordinary", "普通问题"),
    "question": ("question", "咨询"),
    "began": ("Began", "开始"),
    "clocks": ("Clocks", "时钟"),
    "respond": ("respond", "响应"),
    "restore": ("restore", "恢复"),
    "solve": ("solve", "解决"),
    "cause": ("Cause and action", "原因与措施"),
    "drills": ("Backup and restore drills", "备份与恢复演练"),
    "no-drills": ("no data: no restore drill was recorded", "无数据：未记录恢复演练"),
    "at": ("At", "时间"),
    "backup": ("Backup", "备份"),
    "restored-to": ("Restored to", "恢复至"),
    "seconds": ("Seconds", "秒"),
    "compared": ("Events compared with what was signed", "与签名核对的事件数"),
    "result": ("Result", "结果"),
    "in-order": ("in order", "正常"),
    "history": ("History", "事件记录"),
    "written": ("Events written in the month", "当月写入事件"),
    "in-all": ("Events in all at its end", "月末累计事件"),
    "per-day": ("Events of each day", "每日事件数"),
    "kinds": ("Most frequent kinds", "最常见的事件"),
    "capacity": ("Capacity", "容量"),
    "days-measured": ("Days measured, of the month", "已测量天数／当月天数"),
    "events-a-day": ("Events a day: mean, most", "每日事件数：平均／最多"),
    "database-size": ("Database at the end", "期末数据库大小"),
    "database-grown": ("Grown since the first measurement", "期间增长"),
    "disk-used": ("Disk used, at most", "磁盘占用（最高）"),
    "months-left": ("Months until the disk is 70 % full", "磁盘占用达70%前剩余月数"),
    "months-left-p90": ("The same, growing as on a bad day", "同上（按较差日增长）"),
    "not-in-sight": ("not in sight", "暂无增长"),
    "connections": ("Database connections: most, allowed", "数据库连接：最多／上限"),
    "processor": ("Processor busy, 95th percentile", "处理器占用（p95）"),
    "database-by-day": ("Size of the database on each day", "每日数据库大小"),
    "earlier": ("Reports of earlier months, and their SHA-256", "往月报告及其SHA-256"),
    "definitions": ("How the figures are made", "口径说明"),
    "definition-text": (
        (
            "A minute is good when the answer was right and came within a second. A minute without"
            " a probe counts as not good. Times of incidents are those of the log; the gravest"
            " severity that an incident ever had decides its promise. Everything is computed from"
            " the events of this tenant's history up to the position below; the same events give"
            " the same report."
        ),
        (
            "一分钟内探测结果正确且在1秒内返回，计为正常；没有探测数据的分钟不计为正常。"
            "故障时间取自事件记录，以故障曾达到的最高级别判定承诺。"
            "全部数字由本租户截至下述位置的事件计算得出，相同事件得到相同报告。"
        ),
    ),
    "position": ("Last event", "最后事件位置"),
    "times": ("Times are those of", "时间所用时区"),
}


def word(name: str, language: Language) -> str:
    """A word; names that are data themselves stand for themselves."""
    found = WORDS.get(name)
    return name if found is None else found[0 if language == "en" else 1]
