"""Proving who one is: access keys, a security key, and the way back after a proof."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_every_page import overflow, violations
from tests.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

_AGE = """
from django.contrib.sessions.backends.db import SessionStore
session = SessionStore("{key}")
for record in session["account_authentication_methods"]:
    record["at"] -= 400
session.save()
"""
_FORGET = """
from allauth.mfa.models import Authenticator

Authenticator.objects.all().delete()
"""


def in_service(server: RunningServer, program: str) -> None:
    start = "import django; django.setup()\n"
    server.run("-c", start + program)


def grow_stale(page: Page, server: RunningServer) -> None:
    """Make what this browser's session has proved older than it is."""
    (key,) = (
        cookie["value"]
        for cookie in page.context.cookies()
        if cookie["name"] == "kmsconsole_session"
    )
    in_service(server, _AGE.format(key=key))


@pytest.fixture
def without_factors(server: RunningServer) -> Iterator[None]:
    """Leave the person with no second factor, as others expect them."""
    yield
    in_service(server, _FORGET)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_an_access_key_from_creation_to_deletion(
    browse: Open, axe: str, script: bool
) -> None:
    console = browse(java_script_enabled=script)
    page = console.open("/account/access-keys/")
    page.get_by_role("link", name="Create access key").click()
    page.get_by_label("Allowed addresses").fill("not an address")
    page.get_by_role("button", name="Create access key").click()
    expect(page.get_by_text("These are not all IP addresses")).to_be_visible()
    page.get_by_label("Allowed addresses").fill("192.0.2.0/24")
    page.get_by_role("button", name="Create access key").click()
    secret_id = page.get_by_label("SecretId", exact=True).input_value()
    secret = page.get_by_label("SecretKey", exact=True).input_value()
    assert re.fullmatch(r"\w{32}", secret)
    if script:
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        assert secret in download.value.path().read_text()
        assert violations(page, axe) == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert overflow(page) == []
    page.get_by_role("link", name="I have kept it").click()
    row = page.get_by_role("row").filter(has_text=secret_id)
    expect(row).to_contain_text("192.0.2.0/24")
    if script:
        assert violations(page, axe) == []
        assert overflow(page) == []
        page.set_viewport_size({"width": 1440, "height": 900})
    row.get_by_role("link", name="Limits").click()
    page.get_by_label("Allowed addresses").fill("")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Everywhere")
    row.get_by_role("link", name="Disable").click()
    page.get_by_role("button", name="Disable access key").click()
    expect(row).to_contain_text("Disabled")
    row.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete access key").click()
    expect(page.get_by_text("The access key was deleted.")).to_be_visible()
    expect(row).to_have_count(0)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_stale_proof_leads_through_the_password_back_to_the_form(
    browse: Open, server: RunningServer, axe: str, script: bool
) -> None:
    console = browse(known=False, java_script_enabled=script)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    path = console.create_key(f"proof-{'with' if script else 'without'}-script")
    grow_stale(page, server)
    page = console.open(path)
    page.get_by_role("link", name="Disable", exact=True).click()
    expect(page.get_by_text("dangerous step, so we ask once more")).to_be_visible()
    if script:
        assert violations(page, axe) == []
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"**{path}disable-key/")
    page.get_by_role("button", name="Disable key").click()
    expect(page.get_by_text("The key is disabled: nothing")).to_be_visible()


def test_what_was_typed_survives_the_proof(browse: Open, server: RunningServer) -> None:
    console = browse(known=False)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    page = console.open("/access/settings/")
    page.get_by_label("Shortest password").fill("13")
    grow_stale(page, server)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("dangerous step, so we ask once more")).to_be_visible()
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("You had to say who you are meanwhile")).to_be_visible()
    expect(page.get_by_label("Shortest password")).to_have_value("13")
    page.get_by_label("Shortest password").fill("12")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The account settings were saved.")).to_be_visible()


def virtual_key(page: Page) -> None:
    """Plug a security key into this browser."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_security_key_is_set_up_signs_in_and_proves_again(
    browse: Open, server: RunningServer, without_factors: None, axe: str
) -> None:
    console = browse(known=False)
    # A security key belongs to a name, never to an address of numbers.
    home = f"http://localhost:{server.port}"
    page = console.page
    virtual_key(page)

    def sign_in() -> None:
        page.goto(f"{home}/login/?account={server.account}")
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill(server.password)
        page.get_by_role("button", name="Sign in").click()

    sign_in()
    page.wait_for_url("**/keys/")
    page.goto(f"{home}/account/2fa/webauthn/add/")
    page.get_by_label("Name").fill("Key on the ring")
    assert violations(page, axe) == []
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto(f"{home}/account/2fa/webauthn/")
    row = page.get_by_role("row").filter(has_text="Key on the ring")
    row.get_by_role("link", name="Remove").click()
    expect(page.get_by_role("heading", name="Remove Key on the ring?")).to_be_visible()
    assert violations(page, axe) == []
    page.get_by_role("link", name="Keep it").click()
    row.get_by_role("link", name="Rename").click()
    page.get_by_label("Name").fill("Key in the drawer")
    assert violations(page, axe) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="Key in the drawer")).to_be_visible()

    page.context.clear_cookies()
    sign_in()
    expect(page.get_by_role("heading", name="One more proof")).to_be_visible()
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url("**/keys/")

    grow_stale(page, server)
    page.goto(f"{home}/access/settings/")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("dangerous step, so we ask once more")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_count(0)
    assert violations(page, axe) == []
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url("**/access/settings/")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The account settings were saved.")).to_be_visible()
