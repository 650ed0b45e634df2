"""Chinese of the pages about imports."""

CHINESE: dict[str, str] = {
    "Imports": "数据迁移",
    "Import": "迁移批次",
    "Imports, the newest first": "迁移批次（最新在前）",
    "Nothing was imported yet. `merit onboard` begins with cleaning a folder.": (
        "尚未导入数据。请用 merit onboard 从清洗文件夹开始。"
    ),
    "Bring in files": "迁入文件",
    "A new one begins a batch; that of one goes on with it.": "新代码开始新批次；已有代码继续该批次。",
    "Go on": "继续",
    "Files of {code}": "{code} 的文件",
    "No file yet. mapping.yaml says what the others mean.": (
        "尚无文件。mapping.yaml 说明其他文件的含义。"
    ),
    "File": "文件名",
    "Bytes": "字节数",
    "Upload files": "上传文件",
    "The data, and mapping.yaml. A file of the same name is replaced.": (
        "数据文件与 mapping.yaml。同名文件将被替换。"
    ),
    "Upload": "上传",
    "Without scripts files come by merit onboard or by the API.": (
        "未启用脚本时，请用 merit onboard 或接口上传文件。"
    ),
    "What came of it": "结果",
    "residual difference {count}": "残余差异 {count}",
    "Answers for it": "责任工程师",
    "Imported": "已导入",
    "In quarantine": "隔离",
    "Left out": "排除",
    "What was brought in from other systems, and what is still held back.": (
        "从其他系统迁入的数据，以及仍被隔离的数据。"
    ),
    "Place": "位置",
    "{file}, row {row}": "{file}，第 {row} 行",
    "Column": "列",
    "It says": "原值",
    "What is wrong": "问题",
    "Suggestion": "建议",
    "Fixes": "修正数",
    "There is no such row.": "没有此类数据行。",
    "Where the values come from": "数据来源",
    "Nothing of it was imported.": "此对象没有导入的数据。",
    "Value": "值",
    "Hash of the file": "文件哈希",
    "It was mended": "清洗修正",
    "Trace of a value": "数据溯源",
    "From a value back to its file, its row and its column, with every mending on the way.": (
        "从数据追溯到文件、行与列，以及途中的每次修正。"
    ),
    "Of what (id)": "对象（编号）",
    "A person, an employment, a unit, a job, a record of the past.": (
        "人员、任职、部门、岗位或历史记录。"
    ),
    "Import {code}": "迁移批次 {code}",
    "{count} mended cells": "已修正 {count} 个单元格",
    "The three checks": "三重校验",
    "not yet": "尚未",
    "passed": "通过",
    "not passed": "未通过",
    "being compared": "比对中",
    "{rows} rows, {open} open findings, {warnings} warnings": (
        "{rows} 行，{open} 个未决问题，{warnings} 个警告"
    ),
    "{size} of {population} rows": "{population} 行中的 {size} 行",
    "Signed off": "签署确认",
    "Reconciliation": "对账",
    "the same": "一致",
    "differs": "不一致",
    "{compared} values compared, {differing} differ": "比对 {compared} 个值，{differing} 个不同",
    "May be taken back until": "可撤回至",
    "Files": "文件",
    "Work in the background, the newest first": "后台任务（最新在前）",
    "Work": "任务",
    "Done": "进度",
    "Asked for by": "发起人",
    "Work is under way; one at a time. Look again in a while.": "任务正在进行，一次一项，请稍后查看。",
    "It is asked for; a worker does it.": "已提交，由后台执行。",
    "Check all rows": "校验全部数据",
    "Check them": "开始校验",
    "Draw the sample": "抽取样本",
    "Seed": "随机种子",
    "Anybody draws the same sample from it again.": "任何人可用同一种子抽出相同样本。",
    "Draw": "抽样",
    "Your comparison is recorded.": "比对结果已记录。",
    "Compare the sample with the source": "样本与源数据比对",
    "Two different people compare all of its {size} rows.": "由两人分别比对全部 {size} 行。",
    "Rows that match": "一致的行数",
    "Rows that differ": "不一致的行数",
    "Record the comparison": "记录比对结果",
    "It is signed off.": "已签署确认。",
    "Sign off": "签署确认",
    "Rehearse": "试运行",
    "Every record is decided and nothing is written; what is refused goes into quarantine.": (
        "逐条判定但不写入；被拒绝的数据进入隔离。"
    ),
    "Bring it in": "提交导入",
    "Then source and views are compared, record by record.": "随后逐条核对源数据与结果。",
    "Take the batch back": "冲回批次",
    "Mend what is in quarantine": "修正隔离数据",
    "It is mended; the original is kept beside it.": "已修正，原值一并保留。",
    "It shall say": "修正为",
    "Mend": "修正",
    "Leave the row out": "排除此行",
    "The row is left out.": "该行已排除。",
}
