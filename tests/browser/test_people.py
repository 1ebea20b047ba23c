"""Sub-accounts in a browser: made, signed in as, put into groups, shut out."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Open

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def create(console: Console, name: str, *, person: bool) -> None:
    page = console.open("/access/create-sub-account/")
    page.get_by_label("Name", exact=True).fill(name)
    if person:
        page.get_by_label("Console sign-in").check()
    page.get_by_role("button", name="Create sub-account").click()
    page.get_by_role("heading", name=name).wait_for()


def test_a_person_is_made_signs_in_and_sees_nothing(
    console: Console, browse: Open
) -> None:
    create(console, "dora", person=True)
    page = console.page
    expect(page.get_by_text("Copy the password now")).to_be_visible()
    password = page.locator("#drawn-password").inner_text()
    link = page.locator("dd code").first.inner_text()
    assert link.endswith(f"/login/{console.server.account}/")
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("heading", name="dora")).to_be_visible()
    assert password not in page.content()

    person = browse(known=False)
    theirs = person.open(link.removeprefix(link.split("/login/")[0]))
    expect(theirs.get_by_label("Account ID")).to_have_value(str(console.server.account))
    theirs.get_by_label("User name").fill("dora")
    theirs.get_by_label("Password").fill(password)
    theirs.get_by_role("button", name="Sign in").click()
    theirs.wait_for_url(lambda url: "/login/" not in url)
    theirs.wait_for_load_state()
    person.open("/keys/")
    if "/password/" not in theirs.url:
        expect(theirs.get_by_role("link", name="Sub-accounts")).to_have_count(0)
        expect(theirs.locator("tbody tr")).to_have_count(0)

    page.get_by_role("link", name="Disable").click()
    page.locator("dialog").get_by_role("button", name="Disable").click()
    page.get_by_role("link", name="Enable").wait_for()
    expect(page.locator(".title .state")).to_have_text("Disabled")
    person.open("/keys/")
    expect(theirs.get_by_label("User name")).to_be_visible()


def test_several_are_ticked_and_put_into_a_group(browse: Open) -> None:
    for script in (True, False):
        console = browse(java_script_enabled=script)
        name = f"team-{script}".lower()
        for who in ("a", "b"):
            create(console, f"{name}-{who}", person=False)
        page = console.open("/access/create-group/")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("button", name="Create group").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()

        page = console.open(f"/access/sub-accounts/?q={name}")
        for who in ("a", "b"):
            page.get_by_label(f"Choose {name}-{who}").check()
        page.get_by_role("button", name="Add to group").click()
        page.get_by_label("Group", exact=True).fill("no-such-group")
        form = page.locator("dialog form" if script else "main form")
        form.get_by_role("button", name="Add to group").click()
        form.get_by_text("There is no group of this name").wait_for()
        page.get_by_label("Group", exact=True).fill(name)
        form.get_by_role("button", name="Add to group").click()
        page.get_by_text("2 sub-accounts are in the group").wait_for()
        page = console.open(f"/access/groups/{name}/")
        expect(page.get_by_role("heading", name="2 members")).to_be_visible()


def test_a_policy_says_where_it_is_wrong(console: Console) -> None:
    page = console.open("/access/create-policy/")
    page.get_by_label("Name", exact=True).fill("typed-by-hand")
    document = page.get_by_label("Document")
    good = document.input_value()
    document.fill(good.replace("Decrypt", "Decript"))
    page.get_by_role("button", name="Create policy").click()
    page.get_by_text("At statement[0].action[1]").wait_for()
    expect(document).to_be_focused()
    document.fill(good)
    page.get_by_role("button", name="Create policy").click()
    expect(page.get_by_role("heading", name="typed-by-hand")).to_be_visible()
    page.get_by_role("link", name="Attach", exact=True).click()
    dialog = page.locator("dialog")
    expect(dialog.get_by_role("button", name="Attach")).to_be_visible()
