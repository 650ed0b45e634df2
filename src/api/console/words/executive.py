"""Chinese of the pages about the company's performance."""

CHINESE: dict[str, str] = {
    "Performance": "绩效总览",
    "Where locked scores are high and low, how they move, and what stands out.": (
        "已锁定得分的高低分布、变化趋势与异常波动。"
    ),
    "No score is locked yet. The map appears with the first one.": (
        "尚无已锁定的得分。首个得分锁定后即显示绩效地图。"
    ),
    "Live, as of event {number}": "实时数据，截至第 {number} 个事件",
    "Locked scores": "已锁定得分",
    "Mean": "平均分",
    "Median": "中位数",
    "Lowest": "最低",
    "Highest": "最高",
    "People": "人数",
    "Department": "部门",
    "Job": "岗位",
    "Family": "序列",
    "all together": "全体",
    "Points from": "得分自",
    "below": "至（不含）",
    "{count} people, {low} to {high}": "{count} 人，{low} 至 {high} 分",
    "What stands out": "异常波动",
    "Where it comes from": "来源",
    "Nothing stands out in this cycle.": "本周期没有异常波动。",
    "A finding says where to look; it is no verdict about anybody.": (
        "异常提示仅指出值得查看之处，并非对任何人的结论。"
    ),
    "Performance map: department by job": "绩效地图：部门 × 岗位",
    "mean scores of {cells} fields, from {low} to {high}": (
        "{cells} 个格子的平均分，从 {low} 到 {high}"
    ),
    "Distribution of scores": "得分分布",
    "{count} scores, half of them at {median} or less": "共 {count} 个得分，中位数为 {median}",
    "Mean score over the cycles": "各周期平均分",
    "{count} cycles with locked scores": "{count} 个周期有已锁定得分",
    "{unit} ({family}): median {median}, {count} people": (
        "{unit}（{family}）：中位数 {median}，{count} 人"
    ),
    "The median of {higher} lies {observed} points above that of {lower}, more than either of them"
    " spreads ({usual} between its quartiles). {count} people; in {cycles} cycles in a row.": (
        "{higher}序列的中位数比{lower}序列高 {observed} 分，超过任一序列自身的离散程度（四分位距"
        " {usual} 分）。涉及 {count} 人，已连续 {cycles} 个周期。"
    ),
    "{observed} % of {count} people of {unit} have 95 points or more and hardly differ: the scores"
    " tell nobody apart.": (
        "{unit}的 {count} 人中有 {observed} % 得分在95分以上且几乎没有差别：得分失去区分度。"
    ),
    "The score of {person} moved by {observed} points; everybody's moved by {usual} on average, and"
    " hardly any so far from it.": (
        "{person}的得分变化 {observed} 分；全体平均变化 {usual} 分，极少有人偏离如此之远。"
    ),
    "The scores of the {count} people of {manager} moved by {observed} points on average,"
    " everybody's by {usual}. Chance does not explain it.": (
        "{manager}所评 {count} 人的得分平均变化 {observed} 分，全体平均变化 {usual} 分，无法以偶然解释。"
    ),
    "The rating of {person} was changed by {manager} {observed} hours before the lock.": (
        "{person}的评分在锁定前 {observed} 小时被{manager}更改。"
    ),
    "How fairly it pays: what people get, as a share of their performance base": (
        "分配公平：实得占绩效基数的比例"
    ),
    "Of whom": "范围",
    "Mean share": "平均比例",
    "Get nothing": "零发放人数",
    "Highest by lowest": "最高与最低之比",
    "Gini coefficient": "基尼系数",
    "Nothing of this cycle has been calculated for payment.": "本周期尚无核算的发放。",
}
