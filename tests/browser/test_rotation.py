"""Versions and rotation, as somebody meets them on a key's pages."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_every_page import overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def encrypt(console: Console, path: str) -> str:
    page = console.open(f"{path}encrypt/")
    page.get_by_label("Plaintext").fill("to be moved")
    page.get_by_role("button", name="Encrypt").click()
    return page.locator("#ciphertext").input_value()


def re_encrypt(page: Page, text: str) -> None:
    page.get_by_label("Ciphertext").first.fill(text)
    page.get_by_role("button", name="Re-encrypt").click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_rotating_a_key_and_moving_a_ciphertext(browse: Open, script: bool) -> None:
    console = browse(java_script_enabled=script)
    page = console.page
    path = console.create_key(f"turning-{'with' if script else 'without'}-script")
    old = encrypt(console, path)

    console.open(f"{path}rotation/")
    expect(page.get_by_text("Every 365 days.")).to_be_visible()
    page.get_by_role("link", name="Change the period").click()
    page.get_by_label("Days between rotations").fill("6")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("whole number of days from 7 to 365")).to_be_visible()
    page.get_by_label("Days between rotations").fill("30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Every 30 days.")).to_be_visible()

    page.get_by_role("link", name="Rotate now").click()
    page.get_by_role("button", name="Rotate key").click()
    newest = page.get_by_role("listitem").filter(has_text="Version 2")
    expect(newest).to_contain_text("encrypts and decrypts")
    expect(page.get_by_role("listitem").filter(has_text="Version 1")).to_contain_text(
        re.compile(r"Version 1\s+decrypts")
    )
    expect(page.locator("#why-rotate-key")).to_contain_text("less than 24 hours ago")

    page.get_by_role("link", name="Re-encrypt a ciphertext").click()
    re_encrypt(page, old)
    expect(page.get_by_role("heading", name="Re-encrypted")).to_be_visible()
    moved = page.locator("#ciphertext").input_value()
    assert moved != old
    assert moved not in page.url
    re_encrypt(page, moved)
    expect(page.get_by_text("already made with the newest version")).to_be_visible()
    assert page.locator("#ciphertext").input_value() == moved
    re_encrypt(page, "garbage")
    expect(page.get_by_role("heading", name="Refused")).to_be_visible()

    console.open(f"{path}rotation/")
    page.get_by_role("link", name="Turn off").click()
    page.get_by_role("button", name="Turn off rotation").click()
    expect(page.get_by_text("The key no longer rotates")).to_be_visible()
    expect(page.locator("#why-rotate-key")).to_contain_text("rotation is off")
    page.get_by_role("link", name="Turn on rotation").click()
    page.get_by_role("button", name="Turn on rotation").click()
    expect(page.get_by_text("Every 30 days.")).to_be_visible()


def test_a_period_that_somebody_else_changed_meanwhile(browse: Open) -> None:
    console, other = browse(), browse()
    path = console.create_key("contended-period")
    first = console.open(f"{path}enable-key-rotation/")
    second = other.open(f"{path}enable-key-rotation/")
    first.get_by_label("Days between rotations").fill("20")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_text("Every 20 days.")).to_be_visible()
    second.get_by_label("Days between rotations").fill("40")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("Somebody else changed")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("Every 40 days.")).to_be_visible()


def test_rotation_pages_are_accessible_and_fit(console: Console, axe: str) -> None:
    path = console.create_key("turning-axe")
    for slug in ("rotation", "rotate-key", "enable-key-rotation"):
        page = console.open(f"{path}{slug}/")
        page.emulate_media(color_scheme="light")
        assert violations(page, axe) == []
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert violations(page, axe, "color-contrast") == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert overflow(page) == []
        page.set_viewport_size({"width": 1440, "height": 900})
