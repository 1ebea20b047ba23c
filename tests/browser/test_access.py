"""Rights in the browser: given with a look at what changes, taken, asked for, ended."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open
from tests.server import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def enter(console: Console, name: str) -> Page:
    page = console.open(f"/login/?account={console.server.account}")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/keys/")
    return page


@pytest.mark.parametrize("script", [True, False])
def test_a_right_is_given_and_taken_after_a_look_at_what_changes(
    browse: Open, paths: dict[str, str], script: bool
) -> None:
    page = browse(java_script_enabled=script).open(f"{paths['key']}access/")
    page.get_by_role("link", name="Give a right").click()
    page.get_by_label("Name", exact=True).fill("ben")
    page.get_by_label("May", exact=True).select_option("role.decrypt-only")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.locator(".gained")).to_contain_text("Decrypt")
    assert "Name=ben" in page.url
    page.get_by_role("button", name="Give this right").click()
    page.wait_for_url("**/access/")
    row = page.locator(
        "tbody", has=page.get_by_role("rowheader", name="ben sub-account")
    )
    expect(row.locator("summary")).to_contain_text("Decrypt only on this key")
    row.locator("summary").click()
    row.get_by_role("link", name="Take away Decrypt only").click()
    expect(page.locator(".lost")).to_contain_text("Decrypt")
    page.get_by_role("button", name="Take it away").click()
    page.wait_for_url("**/access/")
    expect(row.locator("summary")).not_to_contain_text("Decrypt only")


def test_who_is_refused_asks_and_can_then_do_it(
    console: Console, browse: Open, paths: dict[str, str]
) -> None:
    path = paths["payroll_2026"]
    asking = browse(known=False)
    enter(asking, "ann")
    page = asking.open(path)
    expect(
        page.get_by_text("You are not allowed to do DescribeKey here")
    ).to_be_visible()
    page.get_by_role("link", name="Why?").click()
    expect(page.locator(".steps-list")).to_contain_text("isn't told")
    page.get_by_role("link", name="Ask for access").click()
    page.get_by_label("What you need").select_option("role.key-user")
    page.get_by_label("Reason").fill("Salaries of May")
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_text("Salaries of May")).to_be_visible()

    root = console.open("/access/requests/")
    root.get_by_role("link", name="Decide ann, Key user").click()
    expect(root.locator(".gained")).to_contain_text("Encrypt")
    root.get_by_role("button", name="Grant").click()
    expect(root.get_by_text("The right ends by itself")).to_be_visible()

    page = asking.open(f"{path}encrypt/")
    page.get_by_label("Plaintext").fill("seen")
    page.get_by_role("button", name="Encrypt").click()
    page.locator("#ciphertext").wait_for()
