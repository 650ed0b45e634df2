"""Chinese of the sign-in page."""

CHINESE: dict[str, str] = {
    "Sign in": "登录",
}
