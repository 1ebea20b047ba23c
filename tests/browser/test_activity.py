"""The account's activity: looking for events, and what one of them says."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_filters_live_in_the_address_and_lead_to_details(
    browse: Open, script: bool
) -> None:
    console = browse(java_script_enabled=script)
    console.create_key(f"watched-{script}".lower())
    page = console.open("/activity/")
    page.locator("select[name=what]").select_option("CreateKey")
    if not script:
        page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"/activity/\?.*what=CreateKey"))
    expect(page.locator("#events .chip")).to_contain_text("What: Create key")
    rows = page.locator("#events tbody tr")
    expect(rows.first).to_contain_text(f"watched-{script}".lower())
    rows.first.get_by_role("link", name="Create key").click()
    expect(page.get_by_role("heading", name="Create key")).to_be_visible()
    expect(page.get_by_text("may do everything in it")).to_be_visible()
    page.get_by_role("link", name="Activity").last.click()
    expect(page.get_by_role("heading", name="Activity", exact=True)).to_be_visible()
