"""The list of keys: finding, filtering, paging, and doing one thing to many keys."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_every_page import overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def rows(page: Page, number: int) -> None:
    expect(page.locator("#keys tbody tr")).to_have_count(number)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_one_thing_is_done_to_many_keys(browse: Open, axe: str, script: bool) -> None:
    console = browse(java_script_enabled=script)
    name = "by-script" if script else "by-hand"
    for number in range(3):
        console.create_key(f"{name}-{number}")
    page = console.open(f"/keys/?q={name}")
    rows(page, 3)
    bar = page.get_by_role("group", name="Chosen keys")
    expect(bar).to_be_hidden()
    page.get_by_label(f"Choose {name}-0").check()
    bar.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("Possible for 1 key")).to_be_visible()
    if script:
        expect(page.get_by_role("dialog")).to_be_visible()
        assert violations(page, axe) == []
    page.get_by_role("button", name="Disable: 1 key").click()
    expect(page.get_by_text("1 key is disabled: nothing")).to_be_visible()
    assert page.url.endswith(f"/keys/?q={name}")

    if script:
        page.get_by_label("All keys on this page").check()
        expect(bar.get_by_role("status")).to_have_text("3 keys chosen")
    else:
        for number in range(3):
            page.get_by_label(f"Choose {name}-{number}").check()
    bar.get_by_role("button", name="Schedule deletion").click()
    expect(page.get_by_text("Possible for 1 key")).to_be_visible()
    expect(page.get_by_text("Not possible for 2 keys")).to_be_visible()
    expect(page.get_by_text("only a key nobody can use").first).to_be_visible()
    page.get_by_label("Waiting period").select_option("7")
    page.get_by_label("Reason").fill("not needed any more")
    page.get_by_label("Type 1, the number").fill("3")
    page.get_by_role("button", name="Schedule deletion: 1 key").click()
    expect(page.get_by_text("This is not the number of keys")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("not needed any more")
    page.get_by_label("Type 1, the number").fill("1")
    page.get_by_role("button", name="Schedule deletion: 1 key").click()
    expect(page.get_by_text("1 key is scheduled for deletion.")).to_be_visible()
    expect(page.locator("tbody tr", has_text=f"{name}-0")).to_contain_text(
        "Will be deleted on"
    )


def test_filters_live_in_the_address_and_come_off_again(console: Console) -> None:
    for number in range(2):
        console.create_key(f"filtered-{number}")
    page = console.open("/keys/")
    field = page.get_by_role("searchbox", name="Search keys")
    field.press_sequentially("filtered")
    rows(page, 2)
    expect(field).to_be_focused()
    page.get_by_label("State", exact=True).select_option("Disabled")
    expect(page.get_by_role("heading", name="No key matches")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/keys/\?q=filtered&state=Disabled$"))
    page.get_by_role("link", name="Disabled Remove this filter").click()
    rows(page, 2)
    expect(page).to_have_url(re.compile(r"/keys/\?q=filtered$"))
    page.get_by_role("link", name="Clear all").click()
    expect(page).to_have_url(re.compile(r"/keys/$"))


def test_a_whole_id_leads_to_its_key_from_anywhere(console: Console) -> None:
    path = console.create_key("by-its-id")
    page = console.open("/account/sessions/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search keys")).to_be_focused()
    page.keyboard.type(path.strip("/").split("/")[-1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by-its-id")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("its-i")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_contain_text("by-its-id")


def test_the_menu_of_a_row_says_what_can_be_done(console: Console, axe: str) -> None:
    console.create_key("with-a-menu")
    page = console.open("/keys/?q=with-a-menu")
    page.get_by_text("More for with-a-menu").locator("..").press("Enter")
    row = page.locator("tbody tr")
    expect(row.get_by_role("link", name="Open the key")).to_be_visible()
    assert violations(page, axe) == []
    page.keyboard.press("Escape")
    expect(row.get_by_role("link", name="Open the key")).to_be_hidden()


def test_chosen_rows_and_the_cloud_tab_fit_and_are_accessible(
    browse: Open, axe: str
) -> None:
    console = browse(width=390)
    name = "narrow-row-" + "x" * 49
    console.create_key(name)
    page = console.open("/keys/?q=narrow-row")
    page.get_by_label(f"Choose {name}").check()
    assert violations(page, axe) == []
    assert overflow(page) == []
    page.set_viewport_size({"width": 1024, "height": 800})
    assert overflow(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, axe, "color-contrast") == []
    # No cloud product has a key in this region.
    cookie = {"name": "kmsconsole_region", "value": "ap-shanghai"}
    page.context.add_cookies([cookie | {"url": console.server.base_url}])
    page = console.open("/keys/cloud/")
    expect(page.get_by_role("heading", name="No cloud product")).to_be_visible()
    assert violations(page, axe) == []
    assert overflow(page) == []
