"""The console in Chinese: chosen with and without scripts, accessible, in its width."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_every_page import PAGES, WIDE, overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def choose(page: Page, language: str) -> None:
    menu = page.locator("details.account > summary")
    if menu.count() and menu.locator("xpath=..").get_attribute("open") is None:
        menu.click()
    page.get_by_role("button", name=language, exact=True).click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_chinese_and_back_before_signing_in(browse: Open, script: bool) -> None:
    console = browse(known=False, java_script_enabled=script)
    page = console.open("/login/?account=100000000001")
    choose(page, "简体中文")
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert page.url.endswith("/login/?account=100000000001")
    page.get_by_label("用户名").fill("admin")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("密码错误")
    choose(page, "English")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_chinese_and_back_on_the_list(browse: Open, script: bool) -> None:
    page = browse(java_script_enabled=script).open("/keys/?q=zhongwen&size=50")
    choose(page, "简体中文")
    expect(page.get_by_role("heading", name="用户主密钥")).to_be_visible()
    assert page.url.endswith("/keys/?q=zhongwen&size=50")
    choose(page, "English")
    expect(page.get_by_role("heading", name="Customer managed keys")).to_be_visible()


def test_sign_in_and_the_menu_are_accessible_in_chinese(browse: Open, axe: str) -> None:
    page = browse(known=False, locale="zh-CN", width=390).open("/login/")
    assert violations(page, axe) == []
    assert overflow(page) == []
    page = browse(locale="zh-CN", width=390).open("/keys/")
    page.locator("details.account > summary").click()
    expect(page.get_by_role("button", name="简体中文")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert violations(page, axe) == []
    assert overflow(page) == []


def test_the_way_back_keeps_what_was_filtered_since(console: Console) -> None:
    page = console.open("/keys/")
    # The search stands where there are keys.
    if not page.locator("#search").count():
        console.create_key("kept-filter")
        page = console.open("/keys/")
    page.locator("#search").fill("nothing-like-this")
    page.wait_for_url("**/keys/?q=nothing-like-this*")
    choose(page, "简体中文")
    expect(page.locator("#search")).to_have_value("nothing-like-this")
    expect(page.get_by_text("没有符合条件的密钥")).to_be_visible()


@pytest.fixture
def key(paths: dict[str, str]) -> str:
    return paths["key"]


@pytest.mark.parametrize("name", sorted(set(PAGES) - WIDE))
def test_pages_are_chinese_accessible_and_fit(
    browse: Open, paths: dict[str, str], axe: str, name: str
) -> None:
    page = browse(locale="zh-CN").open(PAGES[name].format(**paths))
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert re.search("[\u4e00-\u9fff]", page.locator("main").inner_text())
    assert violations(page, axe) == []
    for width in (1024, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert overflow(page) == [], width
    assert violations(page, axe, "target-size", "color-contrast") == []


def test_times_are_written_as_the_page_is(browse: Open, key: str) -> None:
    for script in (True, False):
        page = browse(locale="zh-CN", java_script_enabled=script).open(
            f"{key}rotation/"
        )
        expect(page.locator(".timeline time").first).to_contain_text(
            re.compile(r"\d{4}年\d+月\d+日")
        )
    # The page's language, not the browser's, decides.
    page = browse(locale="de-DE").open(f"{key}rotation/")
    expect(page.locator(".timeline time").first).to_contain_text(
        re.compile(r"\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d")
    )
