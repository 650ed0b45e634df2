"""Chinese of the frame of every page: navigation, forms, tables, problems."""

CHINESE: dict[str, str] = {
    ", ": "、",
    ": ": "：",
    "(optional)": "（选填）",
    "API": "接口文档",
    "My account": "我的账户",
    "Appearance": "外观",
    "As a table": "以表格查看",
    "As the device": "跟随设备",
    "Ask whoever runs this installation.": "请联系本系统的运维方。",
    "Ask your personnel department for the role, or sign in as somebody who has it.": (
        "请向人力资源部门申请相应角色，或以具备该角色的人员登录。"
    ),
    "Audit": "审计",
    "Company": "公司",
    "Correct the marked fields and send the form again.": "请更正标出的字段后重新提交。",
    "The form is not filled in as it has to be.": "表单填写不完整或有误。",
    "This was changed since you opened it.": "您打开之后，内容已被更改。",
    "Correct your input and send the form again.": "请更正输入后重新提交。",
    "Dark": "深色",
    "Data as of event {number}": "数据截至第 {number} 个事件",
    "Discard the draft": "放弃草稿",
    "A draft that you had not sent was filled in.": "已填入您尚未提交的草稿。",
    "Done.": "已完成。",
    "Export": "导出",
    "First page": "首页",
    "Go back to where you came from; it may be gone, or it is not yours to see.": (
        "请返回上一页：该内容可能已移动，或您无权查看。"
    ),
    "Language": "语言",
    "Light": "浅色",
    "Load the page again and fill in the form anew.": "请刷新页面后重新填写。",
    "Load the page again and send the form once more.": "请刷新页面后再次提交。",
    "Load the page again to see how things stand now.": "请刷新页面查看当前情况。",
    "Look at what is stored now, correct your input, and send it again.": (
        "请查看当前已保存的内容，必要时更正您的输入，然后重新提交。"
    ),
    "Main": "主导航",
    "Menu": "菜单",
    "Money": "薪酬发放",
    "My team": "我的团队",
    "My work": "我的工作",
    "Next page": "下一页",
    "No answer came. Nothing was lost: your input is still here. Try again.": (
        "没有收到响应。您的输入仍在，没有丢失，请重试。"
    ),
    "Nothing here yet.": "暂无内容。",
    "Open the rating and give the reason where it deviates.": "请打开评分页并说明偏差原因。",
    "Pages of {what}": "{what}的分页",
    "Personnel": "人事",
    "Print": "打印",
    "Details in English": "英文详情",
    "Search": "搜索",
    "Send it again: nothing was stored.": "没有保存任何内容，请重新提交。",
    "Sign in again; what you wrote is kept.": "请重新登录，您填写的内容已保留。",
    "Sign out": "退出登录",
    "Skip to the content": "跳到正文",
    "Somebody changed this while you were writing. What is stored now is shown beside your input;"
    " send again what should hold.": (
        "在您填写期间，他人已更改此内容。当前已保存的内容显示在您的输入旁，请重新提交应当生效的内容。"
    ),
    "Somebody else has to do this; ask your personnel department.": (
        "此操作须由他人完成，请联系人力资源部门。"
    ),
    "Stored now": "当前已保存",
    "System": "系统",
    "The window for appeals is closed; speak to your personnel department.": (
        "申诉期限已过，请与人力资源部门沟通。"
    ),
    "Try again; if it stays, tell your administrator the request number below.": (
        "请重试；若问题仍在，请把下方的请求编号告知管理员。"
    ),
    "Wait a moment and load the page again.": "请稍候再刷新页面。",
    "Wait a moment and send it again; the same form is never carried out twice.": (
        "请稍候再次提交；同一表单不会被执行两次。"
    ),
    "Wait until the result is published; you will find it on your start page.": (
        "请等待结果公布，届时会显示在您的首页。"
    ),
    "What to do": "下一步",
    "Working…": "处理中……",
    "Yours": "您的输入",
    "nothing": "无",
    "nobody": "无",
    "request": "请求编号",
    "the system": "系统",
    "without a name, {id}": "无姓名，{id}",
    "you": "您",
}
