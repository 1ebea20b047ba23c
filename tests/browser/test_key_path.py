"""What somebody comes for: make a key, encrypt, decrypt, stop it, start it again."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SECRET = "4929 1234 5678 9012 · Grüße, 你好\nsecond line"


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="About this key").get_by_role(
        "link", name=name
    ).click()


def tool(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Tools").get_by_role("link", name=name).click()


def decrypt(page: Page, ciphertext: str) -> None:
    page.get_by_label("Ciphertext").fill(ciphertext)
    page.get_by_role("button", name="Decrypt").click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_the_life_of_a_key(browse: Open, script: bool) -> None:
    console = browse(known=False, java_script_enabled=script)
    page = console.sign_in()
    expect(page).to_have_title(re.compile("Customer managed keys"))

    name = f"orders-{'with' if script else 'without'}-script"
    page.get_by_role("link", name="Create key").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Description").fill("Documents of the shop")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text(f"Key {name} was created.")).to_be_visible()

    tab(page, "Tools")
    page.get_by_label("Plaintext").fill(SECRET)
    page.get_by_role("button", name="Encrypt").click()
    expect(page.get_by_role("heading", name="Encrypted")).to_be_visible()
    ciphertext = page.get_by_label("Ciphertext").input_value()
    assert "4929" not in page.url

    tool(page, "Decrypt")
    decrypt(page, ciphertext)
    plaintext = page.get_by_label("As text")
    expect(plaintext).to_be_hidden()
    page.get_by_text("Show plaintext").click()
    expect(plaintext).to_have_value(SECRET)

    page.get_by_role("link", name="Disable", exact=True).click()
    page.get_by_role("button", name="Disable key").click()
    expect(page.get_by_text("The key is disabled: nothing")).to_be_visible()
    tab(page, "Tools")
    tool(page, "Decrypt")
    expect(page.get_by_text("it is not enabled")).to_be_visible()
    decrypt(page, ciphertext)
    expect(page.get_by_role("heading", name="Refused")).to_be_visible()
    expect(page.get_by_text("ResourceUnavailable.CmkDisabled")).to_be_visible()
    expect(page.locator("#plaintext-text")).to_have_count(0)

    page.get_by_role("link", name="Enable", exact=True).click()
    page.get_by_role("button", name="Enable key").click()
    expect(page.get_by_text("The key is enabled.")).to_be_visible()
    tab(page, "Tools")
    tool(page, "Decrypt")
    decrypt(page, ciphertext)
    page.get_by_text("Show plaintext").click()
    expect(page.get_by_label("As text")).to_have_value(SECRET)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_editing_name_and_description(browse: Open, script: bool) -> None:
    console = browse(java_script_enabled=script)
    page = console.page
    start, end = ("old-a", "new-a") if script else ("old-b", "new-b")
    console.create_key(start)

    page.get_by_role("link", name="Edit Name").click()
    page.get_by_label("Name", exact=True).fill(end)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=end)).to_be_visible()

    page.get_by_role("link", name="Edit Description").click()
    page.get_by_label("Description", exact=True).fill("First line\nsecond <b>line</b>")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("second <b>line</b>")).to_be_visible()


def test_giving_up_an_edit_changes_nothing(browse: Open) -> None:
    console = browse()
    page = console.page
    console.create_key("kept-name")
    page.get_by_role("link", name="Edit Name").click()
    page.get_by_label("Name", exact=True).fill("other-name")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("link", name="Edit Name")).to_be_focused()
    expect(page.get_by_role("heading", name="kept-name")).to_be_visible()


def test_list_finds_filters_and_pages_by_its_address(browse: Open) -> None:
    console = browse()
    page = console.page
    for number in range(3):
        console.create_key(f"findme-{number}")
    console.open("/keys/")
    expect(page.locator("tbody tr").first).to_contain_text("findme-2")

    page.keyboard.press("/")
    page.keyboard.type("FINDME-1")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.url.endswith("/keys/?q=FINDME-1")
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search keys")).to_have_value("FINDME-1")

    page.get_by_role("link", name="Disable findme-1").click()
    page.get_by_role("button", name="Disable key").click()
    expect(page.get_by_text("The key is disabled: nothing")).to_be_visible()
    console.open("/keys/?state=Disabled&q=findme")
    expect(page.locator("tbody tr")).to_have_count(1)
    console.open("/keys/?q=nothing-has-this-name")
    expect(page.get_by_role("heading", name="No key matches")).to_be_visible()
    console.open("/keys/?older=never-was")
    expect(page.get_by_text("InvalidParameterValue")).to_be_visible()


def test_dialog_gives_focus_back_and_keeps_what_was_typed(browse: Open) -> None:
    console = browse()
    page = console.page
    console.create_key("taken-name")
    console.open("/keys/")
    page.get_by_role("link", name="Create key").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    dialog.get_by_label("Name", exact=True).fill("Taken-Name")
    dialog.get_by_label("Description").fill("kept")
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog.get_by_text("already has this name")).to_be_visible()
    expect(dialog.get_by_label("Description")).to_have_value("kept")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Create key")).to_be_focused()


def test_a_refusal_on_the_page_itself_stays_there(browse: Open) -> None:
    console = browse()
    console.create_key("taken-here")
    page = console.open("/keys/create/")
    page.get_by_label("Name", exact=True).fill("taken-here")
    page.get_by_label("Description").fill("Not the same wish again")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("already has this name")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_signed_out_meanwhile_comes_back_to_the_same_page(browse: Open) -> None:
    console = browse(known=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    key = console.create_key("signed-out-meanwhile")
    page = console.open(f"{key}encrypt/")
    page.context.clear_cookies(name="kmsconsole_session")
    page.get_by_label("Plaintext").fill("never kept")
    page.get_by_role("button", name="Encrypt").click()
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(console.server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{key}encrypt/")


def test_keyboard_alone_signs_in_and_creates(browse: Open) -> None:
    console = browse(known=False)
    page = console.open(f"/login/?account={console.server.account}")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(console.server.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/keys/")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Create key")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("by-keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by-keyboard")).to_be_visible()
