"""Chinese of the sign-in page."""

CHINESE: dict[str, str] = {
    "Access key": "访问密钥",
    "Every number explained down to the events that it came from.": "每个数字都可追溯到产生它的事件。",
    "Go to your company's sign-in": "前往企业登录页面",
    "People of the demo company": "演示公司的人员",
    "Sign in": "登录",
    "What you wrote is kept in this tab. It is sent once you are signed in again.": (
        "您填写的内容已保留在此标签页中，重新登录后会自动提交。"
    ),
    "With your company's account": "使用企业账号",
    "With an access key": "使用访问密钥",
    "Your administrator gave it to you once.": "由管理员交给您，仅显示一次。",
}
