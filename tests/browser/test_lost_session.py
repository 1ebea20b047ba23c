"""A session that ends while somebody types: nothing is sent, nothing is lost."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def kept(page: Page) -> str | None:
    text: str | None = page.evaluate("sessionStorage.getItem('kmsconsole.kept')")
    return text


def lose_session_and_save(page: Page) -> None:
    page.context.clear_cookies(name="kmsconsole_session")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/login/**")


def sign_in_again(console: Console) -> None:
    page = console.page
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(console.server.password)
    page.get_by_role("button", name="Sign in").click()


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
    expect(page.get_by_text("You had to say who you are meanwhile")).to_be_visible()
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
    page.get_by_role("link", name="Tags", exact=True).click()
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


def test_a_new_key_survives_a_lost_session_in_its_dialog(browse: Open) -> None:
    console = browse(known=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    page.get_by_role("link", name="Create key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).first.fill("kept-creation")
    dialog.get_by_label("Every").fill("90")
    dialog.get_by_text("Tags optional").click()
    for number in range(2):
        if number:
            dialog.get_by_role("button", name="Add a tag").click()
        dialog.get_by_label("Tag name").nth(number).fill(f"name-{number}")
    page.context.clear_cookies(name="kmsconsole_session")
    dialog.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("what you sent did not arrive")).to_be_visible()
    sign_in_again(console)
    page.wait_for_url("**/keys/create/")
    expect(page.get_by_label("Name", exact=True).first).to_have_value("kept-creation")
    expect(page.get_by_label("Every")).to_have_value("90")
    for number in range(2):
        row = page.get_by_label("Tag name").nth(number)
        expect(row).to_have_value(f"name-{number}")
        expect(row).to_be_visible()
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("heading", level=1, name="kept-creation").wait_for()
    assert kept(page) is None


def test_what_one_person_typed_is_given_to_nobody_else(browse: Open) -> None:
    console = browse(known=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    path = console.create_key("typed-by-another")
    page = console.open(f"{path}update-key-description/")
    page.get_by_label("Description", exact=True).fill("mine alone")
    lose_session_and_save(page)
    page.evaluate(
        "sessionStorage.setItem('kmsconsole.kept', "
        'sessionStorage.getItem(\'kmsconsole.kept\').replace(/"person":"\\d+/, '
        '\'"person":"100000000999\'))'
    )
    sign_in_again(console)
    page.wait_for_url(f"**{path}update-key-description/")
    expect(page.get_by_label("Description", exact=True)).to_have_value("")
    assert kept(page) is None

    page.get_by_label("Description", exact=True).fill("mine alone")
    lose_session_and_save(page)
    assert "mine alone" in (kept(page) or "")
    sign_in_again(console)
    expect(page.get_by_label("Description", exact=True)).to_have_value("mine alone")
    # Refused in place, so that it is noted when the person signs out.
    page.get_by_label("Description", exact=True).fill("x" * 1023 + "é")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("has a value that is not allowed")).to_be_visible()
    assert kept(page) is not None
    page.get_by_text("Account menu").locator("..").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login/**")
    assert kept(page) is None


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
    expect(page.get_by_text("what you sent did not arrive")).to_be_visible()
    page.get_by_label("Account ID").fill(str(console.server.account))
    sign_in_again(console)
    page.wait_for_url(f"**{path}update-alias/")
    page.context.clear_cookies(name="kmsconsole_csrf")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This form is out of date").first).to_be_visible()
    page.get_by_role("link", name="Open the form again").click()
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
