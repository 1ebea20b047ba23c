"""Each page, light and dark, wide and narrow: accessible and inside its width."""

from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import Console, Open

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_TRANSFERRED = 150_000
PAGES = {
    "list": "/keys/",
    "no match": "/keys/?q=nothing-has-this-name",
    "cloud": "/keys/cloud/",
    "batch of none": "/keys/batch/disable-keys/",
    "create": "/keys/create/",
    "all filters": "/keys/?state=Destroyed&usage=ENCRYPT_DECRYPT&rotation=off",
    "details": "{key}",
    "versions": "{key}rotation/",
    "rotate": "{key}rotate-key/",
    "rotation period": "{key}enable-key-rotation/",
    "rotation off": "{key}disable-key-rotation/",
    "tags": "{key}tag-key/",
    "activity": "{key}activity/",
    "encrypt": "{key}encrypt/",
    "decrypt": "{key}decrypt/",
    "re-encrypt": "{key}re-encrypt/",
    "data key": "{key}generate-data-key/",
    "files": "{key}files/",
    "random": "/keys/random/",
    "disable": "{key}disable-key/",
    "archive": "{key}archive-key/",
    "delete enabled": "{key}schedule-key-deletion/",
    "edit": "{key}update-alias/",
    "edit description": "{key}update-key-description/",
    "disabled key": "{hr_records}",
    "delete": "{hr_records}schedule-key-deletion/",
    "pending deletion": "{mail_gateway}",
    "cancel deletion": "{mail_gateway}cancel-key-deletion/",
    "archived key": "{backup_archive}",
    "tombstone": "{crm_export}",
    "tombstone activity": "{crm_export}activity/",
    "cloud key": "{kms_cos}",
    "signing key": "{invoice_signing}",
    "public key": "{invoice_signing}public-key/",
    "sign": "{invoice_signing}sign/",
    "verify": "{invoice_signing}verify/",
    "pair versions": "{invoice_signing}rotation/",
    "decryption pair": "{partner_inbox}public-key/",
    "rsa decrypt": "{partner_inbox}rsa-decrypt/",
    "padding off": "{partner_inbox}",
    "allow padding": "{partner_inbox}allow-legacy-padding/",
    "padding on": "{old_partner}",
    "stop padding": "{old_partner}allow-legacy-padding/",
    "external key": "{customer_owned}",
    "material": "{customer_owned}material/",
    "delete material": "{customer_owned}delete-imported-key-material/",
    "external versions": "{customer_owned}rotation/",
    "data keys": "/keys/data-keys/",
    "no data key": "/keys/data-keys/?q=nothing-has-this-name",
    "data keys of a key": "{key}data-keys/",
    "no data key of a key": "{hr_records}data-keys/",
    "host data key": "{key}host-data-key/",
    "import data key": "{key}import-data-key/",
    "hosted data key": "{card_vault}",
    "disable data key": "{card_vault}disable-data-key/",
    "rename data key": "{card_vault}update-data-key-name/",
    "describe data key": "{card_vault}update-data-key-description/",
    "delete enabled data key": "{card_vault}schedule-data-key-deletion/",
    "disabled data key": "{archive_2024}",
    "enable data key": "{archive_2024}enable-data-key/",
    "delete data key": "{archive_2024}schedule-data-key-deletion/",
    "pending data key": "{scratch}",
    "keep data key": "{scratch}cancel-data-key-deletion/",
    "bound key": "{order_documents}",
    "bindings": "{order_documents}bindings/",
    "no binding": "{key}bindings/",
    "refused deletion": "{order_documents}schedule-key-deletion/",
    "products": "/products/",
    "resources of a product": "/products/?product=cos",
    "no resource": "/products/?product=nothing-has-this-name",
    "sub-accounts": "/access/sub-accounts/",
    "no sub-account": "/access/sub-accounts/?q=nobody",
    "create sub-account": "/access/create-sub-account/",
    "sub-account": "/access/sub-accounts/ann.lee/",
    "edit sub-account": "/access/sub-accounts/ann.lee/edit/",
    "reset password": "/access/sub-accounts/ann.lee/reset-password/",
    "delete sub-accounts": "/access/chosen-sub-accounts/delete/?Users=ann.lee&Users=ci",
    "groups": "/access/groups/",
    "create group": "/access/create-group/",
    "group": "/access/groups/key-operators/",
    "group members": "/access/groups/key-operators/add-members/",
    "policies": "/access/policies/",
    "policy": "/access/policies/office-only/",
    "predefined policy": "/access/policies/QcloudKMSFullAccess/",
    "create policy": "/access/create-policy/",
    "edit policy": "/access/policies/office-only/edit/",
    "attach policy": "/access/policies/office-only/attach/",
    "access": "{key}access/",
    "access of nobody": "{key}access/?q=nobody-has-this-name",
    "give a right": "/access/grant/?KeyId={key_id}",
    "give previewed": "/access/grant/?KeyId={key_id}&Holder=group&Name=payments"
    "&Right=role.key-user",
    "give on the account": "/access/grant/?Holder=user&Name=ann&Right=role.full-access",
    "take a right": "/access/revoke/?KeyId={key_id}&Holder=user&Name=ann"
    "&Right=role.key-user",
    "rights of a user": "/access/users/200000000001/rights/",
    "rights of a group": "/access/groups/1/rights/",
    "my rights": "/access/mine/",
    "explain": "/access/explain/",
    "explain who": "/access/explain/?ask=who&key={key_id}&operation=Decrypt",
    "explain why": "/access/explain/?user=ben&key={key_id}&operation=Decrypt&event=1",
    "requests": "/access/requests/",
    "ask for access": "/access/requests/new/?key={key_id}",
    "decide": "/access/requests/1/",
    "account activity": "/activity/",
    "no event": "/activity/?who=nobody-has-this-name",
    "activity refused": "/activity/?from=soon",
    "event": "/activity/1/",
    "alarms": "/alarms/",
    "no alarm": "/alarms/?kind=hsm-down&unread=1",
    "scheduled": "/alarms/scheduled/",
    "where alarms go": "/alarms/settings/",
    "alarm address": "/alarms/settings/address/",
    "alarm code": "/alarms/settings/code/",
    "create webhook": "/alarms/settings/webhooks/create/",
    "second factor": "/account/2fa/",
    "authenticator app": "/account/2fa/totp/activate/",
    "access keys": "/account/access-keys/",
    "new access key": "/account/access-keys/create/",
    "account settings": "/access/settings/",
    "password": "/account/password/change/",
    "security keys": "/account/2fa/webauthn/",
    "new security key": "/account/2fa/webauthn/add/",
    "new recovery codes": "/account/2fa/recovery-codes/generate/",
    "sessions": "/account/sessions/",
    "sign out": "/logout/",
    "confirm": "/account/reauthenticate/",
    "not found": "/nothing/",
    "no such key": "/keys/11111111-1111-4111-8111-111111111111/",
    "operator": "/operator/",
    "operator keys": "/operator/keys/customermasterkey/",
    "operator versions": "/operator/keys/keyversion/",
}
# Django's own pages scroll wide tables inside themselves; the rest fits.
WIDE = {"operator", "operator keys", "operator versions"}


@pytest.fixture
def key(paths: dict[str, str]) -> str:
    return paths["key"]


def violations(page: Page, axe: str, *rules: str) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    what = {"type": "rule", "values": rules} if rules else RULES
    found: list[dict[str, Any]] = page.evaluate(
        "what => axe.run(document, {runOnly: what}).then(r => r.violations)", what
    )
    first = [(item["id"], item["nodes"][0]) for item in found]
    return [f"{rule} {node['target']} {node['failureSummary']}" for rule, node in first]


def overflow(page: Page) -> list[str]:
    """Return the elements beyond the right edge of a page that scrolls sideways."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll("body *")]
          .filter(e => e.getBoundingClientRect().right > innerWidth)
          .map(e => e.tagName + "." + e.className)"""
    )
    return found


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_accessible_and_fit(
    console: Console,
    paths: dict[str, str],
    axe: str,
    name: str,
    request: pytest.FixtureRequest,
) -> None:
    if name in WIDE:
        request.getfixturevalue("second_factor")
    page = console.open(PAGES[name].format(**paths))
    assert violations(page, axe) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, axe, "color-contrast") == []
    if name not in WIDE:
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 844})
            assert overflow(page) == [], width
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        assert violations(page, axe) == []


def test_sign_in_is_accessible_also_when_it_refuses(browse: Open, axe: str) -> None:
    console = browse(known=False, width=390)
    page = console.open("/login/")
    assert violations(page, axe) == []
    page.get_by_label("Account ID").fill("abc")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("or the password is wrong")
    assert violations(page, axe) == []
    assert overflow(page) == []


def test_open_dialogs_menus_and_results_are_accessible(
    console: Console, key: str, axe: str
) -> None:
    page = console.open("/keys/")
    page.get_by_role("link", name="Create key").first.click()
    page.get_by_text("The same as an API call").click()
    assert violations(page, axe) == []
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.locator("details.account > summary").click()
    assert violations(page, axe) == []

    page = console.open(f"{key}encrypt/")
    page.get_by_label("Plaintext").fill("seen")
    page.get_by_text("Encryption context").first.click()
    page.get_by_role("button", name="Encrypt").click()
    blob = page.locator("#ciphertext").input_value()
    assert violations(page, axe) == []
    page = console.open(f"{key}decrypt/")
    for text in (blob, "garbage"):
        page.get_by_label("Ciphertext").fill(text)
        page.get_by_role("button", name="Decrypt").click()
        page.locator("#result .reveal, #result .notice").first.wait_for()
        assert violations(page, axe) == []


def test_narrow_menu_holds_what_the_side_holds(browse: Open) -> None:
    console = browse(width=390)
    page = console.open("/keys/")
    expect(page.get_by_role("navigation", name="Main", exact=True)).to_be_hidden()
    page.locator("details.burger > summary").click()
    page.get_by_role("link", name="Sessions").click()
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()


def test_theme_is_chosen_and_kept(browse: Open) -> None:
    for script in (True, False):
        console = browse(known=False, java_script_enabled=script)
        page = console.open("/login/")
        page.get_by_role("button", name="Dark").click()
        page = console.open("/login/")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(page.get_by_role("button", name="Dark")).to_have_attribute(
            "aria-pressed", "true"
        )


def test_another_region_has_other_keys(console: Console, key: str) -> None:
    page = console.open("/keys/")
    page.locator(".top-end > details.region > summary").click()
    page.get_by_role("button", name="ap-shanghai").click()
    expect(page.get_by_role("heading", name="Create your first key")).to_be_visible()
    console.open(key)
    expect(page.get_by_text("There is no such key")).to_be_visible()


def test_first_page_is_small_and_has_no_stranger(browse: Open) -> None:
    console = browse(known=False)
    received: list[Response] = []

    def note(answer: Response) -> None:
        received.append(answer)

    console.page.on("response", note)
    page = console.sign_in()
    page.wait_for_url("**/keys/")
    page.wait_for_load_state("networkidle")
    own = console.server.base_url
    assert {answer.url.startswith((own, "blob:", "data:")) for answer in received} == {
        True
    }
    size = sum(_transferred(answer) for answer in received)
    assert size < MOST_TRANSFERRED, f"{size} bytes"


def _transferred(answer: Response) -> int:
    sizes: dict[str, int] = answer.request.sizes()
    return sizes["responseHeadersSize"] + sizes["responseBodySize"]


@pytest.mark.parametrize("path", ["customermasterkey/", "keyversion/", "tokenkey/"])
@pytest.mark.usefixtures("second_factor")
def test_operator_reads_and_cannot_write(console: Console, key: str, path: str) -> None:
    page = console.open(f"/operator/keys/{path}")
    page.locator("#result_list tbody th a").first.click()
    page.locator("#content-main fieldset").wait_for()
    assert page.locator("[name=_save], .deletelink, .addlink").count() == 0
    shown = page.locator("#content-main").inner_text().lower()
    for secret in ("wrapped", "binding", "check value", "object id"):
        assert secret not in shown


def test_operator_pages_need_the_same_sign_in(browse: Open) -> None:
    page = browse(known=False).open("/operator/")
    expect(page.get_by_label("Account ID")).to_be_visible()
