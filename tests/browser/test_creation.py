"""The form for a new key: its choices, its refusals, and what it says afterwards."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_every_page import overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def create(page: Page) -> None:
    page.get_by_role("button", name="Create key").click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_key_with_its_rotation_and_tags(browse: Open, script: bool) -> None:
    page = browse(java_script_enabled=script).open("/keys/create/")
    name = f"made-{'with' if script else 'without'}-script"
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Every").fill("5")
    page.get_by_text("Tags").first.click()
    page.get_by_label("Tag name").first.fill("team")
    page.get_by_label("Tag value").first.fill("payroll")
    if script:
        page.get_by_text("The same as an API call").click()
        expect(page.locator("#call-shell")).to_contain_text(
            """--Tags '[{"TagKey":"team","TagValue":"payroll"}]'"""
        )
        expect(page.locator("#call-python")).to_contain_text("request.Type = 1")
    create(page)
    expect(page.get_by_text("whole number of days from 7 to 365")).to_be_visible()
    expect(page.get_by_label("Tag value").first).to_have_value("payroll")
    page.get_by_label("Every").fill("90")
    create(page)
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("Every 90 days")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_material_from_outside_has_its_precautions(browse: Open, script: bool) -> None:
    page = browse(java_script_enabled=script).open("/keys/create/")
    name = f"outside-{'with' if script else 'without'}-script"
    page.get_by_label("Name", exact=True).fill(name)
    ticked = page.get_by_label("I have read this")
    expect(ticked).to_be_hidden()
    page.get_by_label("External").check()
    expect(page.get_by_label("Rotate automatically")).to_be_hidden()
    create(page)
    expect(page.get_by_text("tick that you keep to them")).to_be_visible()
    ticked.check()
    create(page)
    expect(page.get_by_text("It waits for its material.")).to_be_visible()
    expect(page.get_by_text("Waiting for material").first).to_be_visible()


def test_a_taken_name_and_a_form_that_comes_twice(browse: Open) -> None:
    first, second = browse(), browse()
    pages = [console.open("/keys/create/") for console in (first, second)]
    for page in pages:
        page.get_by_label("Name", exact=True).fill("twice-sent")
        create(page)
        expect(page.get_by_role("heading", name="twice-sent")).to_be_visible()
    expect(pages[1].get_by_text("was created a moment ago")).to_be_visible()

    page = second.open("/keys/create/")
    page.get_by_label("Name", exact=True).fill("TWICE-sent")
    page.get_by_label("Description").fill("another wish")
    create(page)
    expect(page.get_by_text("already has this name")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_label("Description")).to_have_value("another wish")


def test_no_rotation_where_none_is_wanted(console: Console) -> None:
    page = console.open("/keys/create/")
    page.get_by_label("Name", exact=True).fill("never-turning")
    page.get_by_label("Every").fill("1")
    page.get_by_label("Rotate automatically").uncheck()
    create(page)
    expect(page.get_by_role("heading", name="never-turning")).to_be_visible()
    expect(page.get_by_text("Off: the key keeps its version")).to_be_visible()


def test_the_form_is_accessible_with_everything_open(
    console: Console, axe: str
) -> None:
    page = console.open("/keys/create/")
    page.get_by_label("External").check()
    page.get_by_text("Tags").first.click()
    page.get_by_role("button", name="Add a tag").click()
    expect(page.get_by_label("Tag name")).to_have_count(2)
    create(page)
    page.get_by_text("tick that you keep to them").wait_for()
    assert violations(page, axe) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, axe, "color-contrast") == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert overflow(page) == []
