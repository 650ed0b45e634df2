"""Chinese of the pages about imports."""

CHINESE: dict[str, str] = {
    "Imports": "数据迁移",
    "Import": "迁移批次",
    "Imports, the newest first": "迁移批次（最新在前）",
    "Nothing was imported yet. `merit onboard` begins with cleaning a folder.": (
        "尚未导入数据。请用 merit onboard 从清洗文件夹开始。"
    ),
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
}
