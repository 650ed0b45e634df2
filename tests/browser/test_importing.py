"""A company is brought in from files in the console alone, compared, traced, and taken back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain import ids

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)
PEOPLE = """工号,姓名,部门,入职日期,应发
K001,王一,外贸部,2020/3/1,"1,234.56元"
K002,李二,外贸部,2021/2/30,2000.00
K003,张三,外贸部,2019/7/15,1500.44
K004,测试,外贸部,无,0.00
"""
MAPPING = (Path(__file__).parents[1] / "files" / "small-mapping.yaml").read_text(encoding="utf-8")
CODE = "K1"
AT = f"/imports/{ids.import_id(CODE)}"


async def press(page: Any, name: str, at: str = "main") -> None:
    """Send a form, and wait until the page says what became of it."""
    await page.locator(at).get_by_role("button", name=name, exact=True).first.click()
    await page.wait_for_selector(".note.good[role=status], #problem")
    problem = page.locator("#problem")
    assert await problem.count() == 0, await problem.inner_text()
    await page.wait_for_load_state("networkidle")


async def worked(seen: Any, path: str, state: str = "已完成") -> None:
    """Load the page again until the newest work in the background has ended."""
    newest = seen.page.locator("#t-jobs tbody tr").first
    for _ in range(100):
        told = await newest.inner_text()
        if "等待中" not in told and "进行中" not in told:
            break
        await seen.page.wait_for_timeout(200)
        await seen.open(path)
    assert state in await newest.inner_text()


async def sound(seen: Any) -> None:
    """Nothing serious of axe-core, nothing stopped by the policy, nothing wider than the window."""
    assert await seen.violations() == []
    assert await seen.accessible() == []
    assert await seen.overflow() <= 0


def _company(site: Any, name: str) -> Any:
    """An empty company, its migration engineer, and two people of personnel who compare."""
    own = site.company(name)
    until = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    own.joined("engineer", ["onboarding"], expires_at=until)
    own.joined("second", ["hr"])
    return own


@pytest.fixture(scope="module")
def company(site: Any) -> Any:
    return _company(site, "迁入公司")


async def uploaded(seen: Any, file: Path) -> None:
    page = seen.page
    await page.get_by_label("文件", exact=True).set_input_files(file)
    await page.get_by_role("button", name="上传").click()
    await page.wait_for_selector(f"#t-files >> text={file.name}")
    await page.wait_for_load_state("networkidle")


async def begun(seen: Any, folder: Path, picture: Path) -> None:
    """Files are uploaded and checked; without a mapping the check fails, and says why."""
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    page = await seen.open("/imports")
    await page.get_by_label("批次编码").fill(CODE)
    await page.get_by_role("button", name="继续").click()
    await page.wait_for_selector("form.upload:not([hidden])")
    at = f"/imports?code={CODE}"
    for name, state in (("people.csv", "失败"), ("mapping.yaml", "已完成")):
        await uploaded(seen, folder / name)
        await page.locator("#job-check [name='job.owner']").fill("陈工")
        await press(page, "开始校验", "#job-check")
        await worked(seen, at, state)
    assert "mapping.yaml" in await page.locator("#t-jobs tbody tr").nth(1).inner_text()
    await page.screenshot(path=picture, full_page=True)
    await sound(seen)


async def mended(seen: Any, picture: Path) -> None:
    """What is in quarantine is mended or left out."""
    page = await seen.open(AT)
    told = await page.inner_text("#t-rows")
    for each in ("2021/2/30", "日期无法识别", "缺少内容"):
        assert each in told
    await page.screenshot(path=picture, full_page=True)
    await sound(seen)
    wrong = page.locator(".cardbox").filter(has_text="people.csv，第 3 行")
    await wrong.locator("[name='fixes.0.new']").first.fill("2021/2/28")
    await wrong.get_by_role("button", name="修正", exact=True).first.click()
    await page.wait_for_selector(".note.good >> text=已修正")
    left = page.locator(".cardbox").filter(has_text="people.csv，第 5 行")
    await left.locator("summary").click()
    await left.locator("textarea").fill("测试数据")
    await left.get_by_role("button", name="排除此行").click()
    await page.wait_for_selector(".note.good >> text=已排除")


async def test_files_are_uploaded_checked_and_mended(
    visit: Any, company: Any, tmp_path: Path
) -> None:
    engineer = await visit("engineer", DESKTOP, of=company)
    await begun(engineer, tmp_path, tmp_path / "begun.png")
    phone = await visit("engineer", PHONE, of=company)
    await mended(phone, tmp_path / "quarantine.png")
    page = await engineer.open(AT)
    await press(page, "开始校验", "#job-check")
    await worked(engineer, AT)
    told = company.asked("hr", AT)
    assert (told["quarantined"], told["excluded"], told["fixes"]) == (0, 1, 1)
    assert [each["passed"] for each in told["checks"]] == [True, True]


@pytest.fixture(scope="module")
def checked(site: Any) -> Any:
    """Another company, whose files were checked, mended and sampled."""
    own = _company(site, "查毕公司")
    for name, text in (("people.csv", PEOPLE), ("mapping.yaml", MAPPING)):
        own.uploaded("engineer", f"/imports/uploads?code={CODE}&name={name}", text.encode())
    own.worked("engineer", {"code": CODE, "job": {"kind": "check", "owner": "陈工"}})
    rows = own.asked("hr", f"{AT}/rows", state="quarantined")["data"]
    fix = {"column": "入职日期", "old": "2021/2/30", "new": "2021/2/28", "rule": "by-hand"}
    places = {each["row"]: {"file": each["file"], "row": each["row"]} for each in rows}
    own.did("engineer", f"{AT}/fixes", {"fixes": [{**fix, "place": places[3]}]})
    own.did("engineer", f"{AT}/exclusions", {"places": [places[5]], "reason": "测试数据"})
    for job in ({"kind": "check", "owner": "陈工"}, {"kind": "sample", "seed": 7}):
        own.worked("engineer", {"code": CODE, "job": job})
    return own


async def test_a_batch_is_compared_brought_in_traced_and_taken_back(
    visit: Any, checked: Any, tmp_path: Path
) -> None:
    for role in ("hr", "second"):
        comparing = await visit(role, PHONE, of=checked)
        await comparing.open(AT)
        await press(comparing.page, "记录比对结果", "#compare")
        await sound(comparing)
    engineer = await visit("engineer", DESKTOP, of=checked)
    page = await engineer.open(AT)
    await page.locator("#sign [name=note]").fill("三重校验通过")
    await press(page, "签署确认", "#sign")
    await page.screenshot(path=tmp_path / "signed.png", full_page=True)
    await press(page, "提交导入", "#job-commit")
    await worked(engineer, AT)
    await reconciled(engineer)
    await traced(engineer, tmp_path)

    page = await engineer.open(AT)
    await page.get_by_text("冲回批次").first.click()
    await page.locator("#job-compensate textarea").fill("错误的年度")
    await press(page, "冲回批次", "#job-compensate")
    await worked(engineer, AT)
    assert "残余差异 0" in await page.inner_text("#t-jobs")
    assert checked.asked("hr", AT)["stage"] == "compensated"
    assert await page.locator("section[aria-labelledby=next]").count() == 0
    await page.screenshot(path=tmp_path / "back.png", full_page=True)
    phone = await visit("engineer", PHONE, of=checked)
    await phone.open(AT)
    await sound(phone)
    await phone.page.screenshot(path=tmp_path / "back-phone.png", full_page=True)


async def reconciled(seen: Any) -> None:
    """Four rows came in, one was left out, and the views say what the files said."""
    page = seen.page
    assert "一致" in await page.inner_text(".facts")
    assert "0 个不同" in await page.inner_text(".facts")
    told = seen.site.asked("hr", AT)
    assert (told["stage"], told["committed"], told["excluded"]) == ("committed", 3, 1)


async def traced(seen: Any, tmp_path: Path) -> None:
    """The day of hire that was mended leads back to its cell."""
    page = await seen.open("/imports/trace")
    await page.locator("[name=stream]").fill(str(ids.employment_id("K002")))
    await page.locator("[name=field]").fill("hired_on")
    await page.get_by_role("button", name="查看").click()
    await page.wait_for_selector("#t-trace")
    told = await page.inner_text("#t-trace")
    for each in ("2021-02-28", "people.csv，第 3 行", "入职日期", "2021/2/30 → 2021/2/28"):
        assert each in told
    await sound(seen)
    await page.screenshot(path=tmp_path / "trace.png", full_page=True)
