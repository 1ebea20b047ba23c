"""The console by keyboard alone: everything can be reached, seen and left again."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

_MOST_STEPS = 60
# What shows where one is: an outline or a shadow, on the field or on what dresses it.
_SHOWN = """
(element) => {
  const marked = (one) => {
    const look = getComputedStyle(one);
    const line = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0;
    return line || look.boxShadow !== "none";
  };
  const box = element.getBoundingClientRect();
  const seen = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  return seen && [element, element.closest("label")].some((one) => one && marked(one));
}
"""


def tab_to(page: Page, place: Locator, key: str = "Tab") -> None:
    """Press Tab until this has the focus, and see that it shows."""
    for _ in range(_MOST_STEPS):
        page.keyboard.press(key)
        if place.evaluate("(element) => element === document.activeElement"):
            assert place.evaluate(_SHOWN), "nobody sees where the focus is"
            return
    pytest.fail(f"Tab never reached {place}")


def press(page: Page, place: Locator) -> None:
    tab_to(page, place)
    page.keyboard.press("Enter")


def has_focus_inside(dialog: Locator) -> None:
    expect(dialog.locator(":focus")).to_have_count(1)


def test_from_the_list_to_a_deletion_and_back(browse: Open) -> None:
    console = browse()
    page = console.page
    console.create_key("by-keys-alone")
    console.open("/keys/")
    page.keyboard.press("/")
    page.keyboard.type("by-keys-al")
    expect(page.locator("#keys tbody tr")).to_have_count(1)
    press(page, page.get_by_role("link", name="by-keys-alone", exact=True))
    expect(page.get_by_role("heading", level=1, name="by-keys-alone")).to_be_visible()
    tabs = page.get_by_role("navigation", name="About this key")
    for name in ("Versions", "Tools", "Tags", "Activity", "Overview"):
        press(page, tabs.get_by_role("link", name=name))
        expect(tabs.locator("[aria-current=page]")).to_have_text(name)

    dialog = page.get_by_role("dialog")
    disable = page.get_by_role("link", name="Disable", exact=True)
    press(page, disable)
    expect(dialog).to_be_visible()
    has_focus_inside(dialog)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(disable).to_be_focused()
    page.keyboard.press("Enter")
    press(page, dialog.get_by_role("button", name="Disable key"))
    expect(page.locator(".title .state")).to_have_text("Disabled")

    more = page.locator("summary", has_text="More")
    press(page, more)
    press(page, page.get_by_role("link", name="Schedule deletion"))
    has_focus_inside(dialog)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(more).to_be_focused()
    page.keyboard.press("Enter")
    press(page, page.get_by_role("link", name="Schedule deletion"))
    # The dialog begins with the way out; the fields stand before it.
    expect(dialog.get_by_role("link", name="Keep the key")).to_be_focused()
    tab_to(page, dialog.get_by_label("Waiting period"), "Shift+Tab")
    page.keyboard.type("7")
    tab_to(page, dialog.get_by_label("Type the key's name"))
    page.keyboard.type("by-keys-alone")
    press(page, dialog.get_by_role("button", name="Schedule deletion"))
    expect(page.locator(".title .state")).to_have_text("Pending deletion")
    press(page, page.get_by_role("link", name="Cancel deletion"))
    press(page, dialog.get_by_role("button", name="Keep the key"))
    expect(page.locator(".title .state")).to_have_text("Disabled")


def test_rotation_and_a_tool(browse: Open) -> None:
    console = browse()
    page = console.page
    path = console.create_key("turned-by-keys")
    console.open(f"{path}rotation/")
    change = page.get_by_role("link", name="Change the period")
    press(page, change)
    days = page.get_by_label("Days between rotations")
    expect(days).to_be_focused()
    page.keyboard.press("Escape")
    expect(change).to_be_focused()
    page.keyboard.press("Enter")
    expect(days).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("30")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Every 30 days.")).to_be_visible()
    press(page, page.get_by_role("link", name="Re-encrypt a ciphertext"))
    press(page, page.get_by_role("link", name="Encrypt", exact=True))

    tab_to(page, page.get_by_label("Plaintext", exact=True))
    page.keyboard.type("typed only")
    press(page, page.get_by_role("button", name="Encrypt"))
    expect(page.get_by_role("heading", name="Encrypted")).to_be_focused()
    blob = page.get_by_label("Ciphertext Base64")
    tab_to(page, blob)
    text = blob.input_value()

    console.open(f"{path}decrypt/")
    tab_to(page, page.get_by_label("Ciphertext", exact=True))
    page.keyboard.insert_text(text)
    press(page, page.get_by_role("button", name="Decrypt"))
    expect(page.get_by_role("heading", name="Decrypted")).to_be_focused()
    press(page, page.locator("summary", has_text="Show plaintext"))
    expect(page.get_by_label("As text")).to_have_value("typed only")
    tab_to(page, page.get_by_role("button", name="Copy text"))


def test_many_keys_at_once(browse: Open) -> None:
    console = browse()
    page = console.page
    for number in range(2):
        console.create_key(f"many-by-keys-{number}")
    console.open("/keys/?q=many-by-keys")
    tab_to(page, page.get_by_label("Choose many-by-keys-0"))
    page.keyboard.press("Space")
    bar = page.get_by_role("group", name="Chosen keys")
    disable = bar.get_by_role("button", name="Disable")
    press(page, disable)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Possible for 1 key")).to_be_visible()
    has_focus_inside(dialog)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(disable).to_be_focused()
    page.keyboard.press("Enter")
    press(page, dialog.get_by_role("button", name="Disable: 1 key"))
    expect(page.get_by_text("1 key is disabled")).to_be_visible()


def test_people_and_their_menus(browse: Open, paths: dict[str, str]) -> None:
    del paths  # They came with the keys.
    page = browse().open("/access/sub-accounts/")
    page.keyboard.press("/")
    page.keyboard.type("bob.fi")
    expect(page.locator("tbody tr")).to_have_count(1)
    press(page, page.get_by_role("link", name="bob.fischer", exact=True))
    expect(page.get_by_role("heading", level=1, name="bob.fischer")).to_be_visible()
    more = page.locator("summary", has_text="More")
    press(page, more)
    tab_to(page, page.get_by_role("link", name="Delete"))
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(page.get_by_role("link", name="Delete")).to_be_hidden()
    dialog = page.get_by_role("dialog")
    disable = page.get_by_role("link", name="Disable", exact=True)
    tab_to(page, disable, "Shift+Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    has_focus_inside(dialog)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(disable).to_be_focused()
    press(page, page.get_by_role("link", name="Add to group"))
    expect(dialog.get_by_label("Group")).to_be_visible()
    if not dialog.get_by_label("Group").evaluate("e => e === document.activeElement"):
        tab_to(page, dialog.get_by_label("Group"))
    page.keyboard.type("key-operators")
    press(page, dialog.get_by_role("button", name="Add"))
    expect(page.get_by_role("link", name="key-operators").first).to_be_visible()


def test_a_right_is_given_and_looked_at(browse: Open, paths: dict[str, str]) -> None:
    page = browse().open(f"{paths['session_tokens']}access/")
    press(page, page.get_by_role("link", name="Give a right"))
    page.wait_for_url("**/grant/**")
    tab_to(page, page.get_by_role("radio", name="A person"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="A group")).to_be_checked()
    tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("payments")
    tab_to(page, page.get_by_label("May", exact=True))
    page.keyboard.type("Decrypt only")
    press(page, page.get_by_role("button", name="Show what changes"))
    expect(page.locator(".gained").first).to_contain_text("Decrypt")
    press(page, page.get_by_role("button", name="Give this right"))
    page.wait_for_url("**/access/")
    row = page.locator("tbody", has=page.get_by_role("rowheader", name="payments"))
    press(page, row.locator("summary"))
    take = row.get_by_role("link", name="Take away Decrypt only")
    press(page, take)
    expect(page.locator(".lost").first).to_contain_text("Decrypt")


def test_activity_is_narrowed_and_requests_are_reached(
    browse: Open, paths: dict[str, str]
) -> None:
    del paths
    page = browse().open("/activity/")
    who = page.get_by_label("Who", exact=True)
    tab_to(page, who)
    page.keyboard.type("nobody-of-this-name")
    expect(page.get_by_role("heading", name="No event fits")).to_be_visible()
    expect(who).to_be_focused()
    press(page, page.get_by_role("link", name="Who: nobody-of-this-name"))
    expect(page.get_by_role("table")).to_be_visible()
    press(page, page.get_by_role("link", name="Requests"))
    press(page, page.get_by_role("link", name="Decide").first)
    dialog = page.get_by_role("dialog")
    if dialog.is_visible():
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
