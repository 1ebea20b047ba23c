"""A key's own pages: what they offer, editing, tags, activity, a lost session."""

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


def kept(page: Page) -> str | None:
    text: str | None = page.evaluate("sessionStorage.getItem('kmsconsole.kept')")
    return text


def sign_in_again(console: Console) -> None:
    page = console.page
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(console.server.password)
    page.get_by_role("button", name="Sign in").click()


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


def test_input_survives_a_lost_session(browse: Open) -> None:
    console = browse(known=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    path = console.create_key("kept-over-sign-in")
    page.get_by_role("link", name="Edit Description").click()
    page.get_by_label("Description", exact=True).fill("typed <b>before</b>\nthe end")
    page.context.clear_cookies(name="kmsconsole_session")
    page.get_by_role("button", name="Save").click()
    sign_in_again(console)
    page.wait_for_url(f"**{path}update-key-description/")
    assert "typed" not in page.url
    expect(page.get_by_text("You had to say who you are")).to_be_visible()
    field = page.get_by_label("Description", exact=True)
    expect(field).to_have_value("typed <b>before</b>\nthe end")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#row-description")).to_contain_text("typed <b>before</b>")
    assert kept(page) is None


def test_tags_and_the_revision_survive_all_cookies_gone(browse: Open) -> None:
    console, other = browse(known=False), browse()
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    path = console.create_key("kept-without-cookies")
    tab(page, "Tags")
    for row in range(3):
        if row:
            page.get_by_role("button", name="Add a tag").click()
        page.get_by_label("Tag name").nth(row).fill(f"name-{row}")
    second = other.open(f"{path}update-alias/")
    second.get_by_label("Name", exact=True).fill("renamed-meanwhile")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("The key was renamed.")).to_be_visible()
    page.context.clear_cookies()
    page.get_by_role("button", name="Save tags").click()
    page.get_by_label("Account ID").fill(str(console.server.account))
    sign_in_again(console)
    page.wait_for_url(f"**{path}tag-key/")
    for row in range(3):
        expect(page.get_by_label("Tag name").nth(row)).to_have_value(f"name-{row}")
    page.get_by_role("button", name="Save tags").click()
    expect(page.get_by_text("Somebody else changed this key")).to_be_visible()
    page.get_by_role("button", name="Save mine anyway").click()
    expect(page.get_by_text("The tags were saved.")).to_be_visible()


def test_a_stale_form_leads_back_with_its_input(browse: Open) -> None:
    console = browse(known=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    path = console.create_key("kept-in-a-stale-form")
    page = console.open(f"{path}update-key-description/")
    page.get_by_label("Description", exact=True).fill("kept")
    # As after signing in once more in another tab: the form's token is the old one.
    page.evaluate(
        "document.querySelector('main form [name=csrfmiddlewaretoken]').value = 'x'"
    )
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Description", exact=True)).to_have_value("kept")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#row-description")).to_contain_text("kept")


def test_secrets_are_never_kept_by_the_browser(browse: Open) -> None:
    console = browse(known=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    path = console.create_key("never-kept")
    page = console.open(f"{path}encrypt/")
    page.context.clear_cookies(name="kmsconsole_session")
    page.get_by_label("Plaintext").fill("4929 1234")
    page.get_by_role("button", name="Encrypt").click()
    page.wait_for_url("**/login/**")
    assert kept(page) is None
    sign_in_again(console)
    page.wait_for_url(f"**{path}encrypt/")
    expect(page.get_by_label("Plaintext")).to_have_value("")


def test_without_script_a_stale_form_explains_and_leads_back(browse: Open) -> None:
    console = browse(known=False, java_script_enabled=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    path = console.create_key("stale-without-script")
    page = console.open(f"{path}update-alias/")
    page.context.clear_cookies()
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Account ID").fill(str(console.server.account))
    sign_in_again(console)
    page.wait_for_url(f"**{path}update-alias/")
    page.context.clear_cookies(name="kmsconsole_csrf")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This form is out of date").first).to_be_visible()
    page.get_by_role("link", name="Open the form again").click()
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
