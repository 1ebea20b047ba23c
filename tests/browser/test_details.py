"""A key's own pages: what they offer, editing, tags, activity."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_every_page import overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="About this key").get_by_role(
        "link", name=name
    ).click()


def fits_and_is_accessible(page: Page, axe: str) -> None:
    assert violations(page, axe) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, axe, "color-contrast") == []
    for width in (1024, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert overflow(page) == [], width
    assert violations(page, axe, "target-size", "color-contrast") == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_archiving_and_back_through_the_menu(browse: Open, script: bool) -> None:
    console = browse(java_script_enabled=script)
    page = console.page
    console.create_key(f"archive-{script}".lower())
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Archive", exact=True).click()
    page.get_by_role("button", name="Archive key").click()
    expect(
        page.get_by_text("it decrypts, but no longer encrypts").first
    ).to_be_visible()
    page.get_by_role("link", name="Unarchive").click()
    page.get_by_role("button", name="Unarchive key").click()
    expect(page.get_by_text("The key is enabled: it encrypts")).to_be_visible()


def test_tags_are_added_changed_and_removed(console: Console, axe: str) -> None:
    page = console.page
    console.create_key("tagged-here")
    tab(page, "Tags")
    page.get_by_label("Tag name").first.fill("team")
    page.get_by_label("Tag value").first.fill("shop")
    page.get_by_role("button", name="Add a tag").click()
    page.keyboard.type("env")
    page.get_by_role("button", name="Save tags").click()
    expect(page.get_by_text("The tags were saved.")).to_be_visible()
    names = page.get_by_label("Tag name")
    expect(names.first).to_have_value("env")
    page.get_by_role("button", name="Remove this tag").first.click()
    page.get_by_label("Tag value").first.fill("pay")
    with page.expect_navigation():
        page.get_by_role("button", name="Save tags").click()
    tab(page, "Overview")
    expect(page.locator(".tag")).to_have_text(["team pay"])
    tab(page, "Tags")
    fits_and_is_accessible(page, axe)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_two_people_editing_lose_nothing(browse: Open, script: bool, axe: str) -> None:
    mine, theirs = browse(java_script_enabled=script), browse()
    path = mine.create_key(f"edited-twice-{script}".lower())
    page = mine.open(path)
    page.get_by_role("link", name="Edit Description").click()
    page.get_by_label("Description", exact=True).fill("mine, with care")
    other = theirs.open(f"{path}update-key-description/")
    other.get_by_label("Description", exact=True).fill("theirs")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_text("The description was saved.")).to_be_visible()

    page.get_by_role("button", name="Save").click()
    conflict = page.get_by_role("alert").filter(has_text="Somebody else changed")
    expect(conflict).to_contain_text("admin")
    expect(conflict).to_contain_text("Change description")
    expect(conflict).to_contain_text("theirs")
    field = page.get_by_label("Description", exact=True)
    expect(field).to_have_value("mine, with care")
    if script:
        assert violations(page, axe) == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert overflow(page) == []
    page.get_by_role("button", name="Save mine anyway").click()
    expect(page.get_by_text("The description was saved.")).to_be_visible()
    expect(page.locator("#row-description")).to_contain_text("mine, with care")


def test_activity_filters_and_fits(console: Console, axe: str) -> None:
    page = console.page
    console.create_key("watched")
    tab(page, "Activity")
    # Made, and set to rotate.
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text("Create key")
    page.get_by_role("link", name="Uses").click()
    expect(page.get_by_text("Nobody has used this key yet")).to_be_visible()
    page.get_by_role("link", name="Everything").click()
    expect(page.locator("tbody")).to_contain_text("View activity")
    fits_and_is_accessible(page, axe)


def test_the_overview_fits(console: Console, axe: str) -> None:
    page = console.page
    console.create_key("looked-at-" + "x" * 50)
    page.get_by_text("More", exact=True).click()
    fits_and_is_accessible(page, axe)


def test_where_tabs_scroll_the_open_one_is_in_sight(browse: Open) -> None:
    console = browse(width=390)
    path = console.create_key("narrow-tabs")
    page = console.open(f"{path}files/")
    tools = page.get_by_role("navigation", name="Tools", exact=True)
    expect(tools.locator("[aria-current=page]")).to_be_in_viewport(ratio=1)
    assert overflow(page) == []
