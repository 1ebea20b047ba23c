"""Deleting a key as somebody does it: consequences, the safer choice, the way back."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.test_every_page import overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_from_an_enabled_key_to_a_scheduled_one_and_back(
    browse: Open, script: bool, axe: str
) -> None:
    console = browse(java_script_enabled=script)
    page = console.page
    name = f"doomed-{script}".lower()
    path = console.create_key(name)
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Schedule deletion").click()
    place = page.get_by_role("dialog") if script else page.get_by_role("main")
    expect(place.get_by_text("This key is enabled.")).to_be_visible()
    if script:
        assert violations(page, axe) == []
    place.get_by_role("button", name="Disable the key").click()

    if script:
        expect(place.get_by_text("The key is disabled now.")).to_be_visible()
        assert violations(page, axe) == []
        date = place.locator("output")
        before = date.inner_text()
        place.get_by_label("Waiting period").fill("7")
        expect(date).not_to_have_text(before)
        shown = date.inner_text().removeprefix("Destroyed on ")
        expect(place.locator(".next b").last).to_have_text(shown)
        danger = place.get_by_role("button", name="Schedule deletion")
        expect(danger).to_be_disabled()
        place.get_by_label("Type the key's name").fill(name[:-1])
        expect(danger).to_be_disabled()
        page.set_viewport_size({"width": 390, "height": 844})
        assert overflow(page) == []
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert violations(page, axe, "color-contrast", "target-size") == []
    else:
        place.get_by_label("Waiting period").fill("7")
        place.get_by_label("Reason").fill("moved on")
        place.get_by_role("button", name="Schedule deletion").click()
        expect(place.get_by_text("This is not the key's name.")).to_be_visible()
        expect(place.get_by_label("Waiting period")).to_have_value("7")
    place.get_by_label("Reason").fill("moved on")
    place.get_by_label("Type the key's name").fill(name)
    place.get_by_role("button", name="Schedule deletion").click()

    banner = page.get_by_role("region", name="Pending deletion")
    expect(banner).to_contain_text("in 7 days")
    expect(banner).to_contain_text("Scheduled by admin: “moved on”")
    if script:
        assert violations(page, axe) == []
        assert overflow(page) == []
    page = console.open(f"{path}activity/")
    expect(page.locator("tbody tr").first).to_contain_text("Reason: moved on")
    banner.get_by_role("link", name="Cancel deletion").click()
    page.get_by_role("button", name="Keep the key").click()
    expect(page.get_by_text("The deletion is cancelled.")).to_be_visible()
    expect(page.locator(".title .state")).to_have_text("Disabled")
    expect(banner).to_have_count(0)


def test_leaving_the_dialog_after_disabling_shows_the_new_state(browse: Open) -> None:
    console = browse()
    page = console.page
    console.create_key("only-disabled")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Schedule deletion").click()
    page.get_by_role("button", name="Disable the key").click()
    expect(page.get_by_text("The key is disabled now.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".title .state")).to_have_text("Disabled")


def test_the_days_and_the_reason_survive_a_lost_session(browse: Open) -> None:
    console = browse(known=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    path = console.create_key("kept-deletion")
    page = console.open(f"{path}schedule-key-deletion/")
    page.get_by_role("button", name="Disable the key").click()
    page.get_by_label("Waiting period").fill("12")
    page.get_by_label("Reason").fill("moved on")
    page.get_by_label("Type the key's name").fill("kept-deletion")
    page.context.clear_cookies(name="kmsconsole_session")
    page.get_by_role("button", name="Schedule deletion").click()
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(console.server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}schedule-key-deletion/")
    expect(page.get_by_label("Waiting period")).to_have_value("12")
    expect(page.get_by_label("Reason")).to_have_value("moved on")
    expect(page.get_by_label("Type the key's name")).to_have_value("")
    expect(page.get_by_role("button", name="Schedule deletion")).to_be_disabled()
