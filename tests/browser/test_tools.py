"""The online tools at their edges: files, Base64, contexts, counters, and traces."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

EVERY_BYTE = bytes(range(256)) * 16


@pytest.fixture
def key(console: Console) -> str:
    """The path of a key; one for all tests of this module would share its name."""
    console.open("/keys/?q=tools-key")
    link = console.page.get_by_role("link", name="tools-key", exact=True)
    if not link.count():
        return console.create_key("tools-key")
    link.click()
    return console.page.url.removeprefix(console.server.base_url)


def choose(page: Page, label: str) -> None:
    page.get_by_role("radio", name=label, exact=True).check()


def upload(page: Page, data: bytes, name: str = "secret.bin") -> None:
    choose(page, "File")
    page.locator("#input-file").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def encrypt(page: Page) -> str:
    page.get_by_role("button", name="Encrypt").click()
    return page.locator("#ciphertext").input_value()


def decrypt(page: Page, ciphertext: str) -> None:
    page.get_by_label("Ciphertext").fill(ciphertext)
    page.get_by_role("button", name="Decrypt").click()


def test_a_file_of_4096_bytes_comes_back_byte_by_byte(
    console: Console, key: str
) -> None:
    page = console.open(f"{key}encrypt/")
    upload(page, EVERY_BYTE)
    expect(page.locator("#count-file")).to_contain_text("4,096 / 4,096 bytes")
    page.get_by_role("button", name="Encrypt").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "tools-key-ciphertext.txt"
    ciphertext = download.value.path().read_bytes()

    page = console.open(f"{key}decrypt/")
    upload(page, ciphertext, "ciphertext.txt")
    page.get_by_role("button", name="Decrypt").click()
    page.get_by_text("Show plaintext").click()
    expect(page.get_by_text("These bytes are no UTF-8 text.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.path().read_bytes() == EVERY_BYTE


@pytest.mark.parametrize("size", [4097, 1_000_000])
def test_a_larger_file_is_refused_before_it_is_sent_and_after(
    browse: Open, console: Console, key: str, size: int
) -> None:
    page = console.open(f"{key}encrypt/")
    upload(page, bytes(size))
    page.get_by_role("button", name="Encrypt").click()
    assert "4,096" in page.locator("#input-file").evaluate("e => e.validationMessage")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()

    plain = browse(java_script_enabled=False).open(f"{key}encrypt/")
    upload(plain, bytes(size))
    plain.get_by_role("button", name="Encrypt").click()
    expect(plain.get_by_role("heading", name="Refused")).to_be_visible()
    expect(plain.get_by_text(re.compile("4096 bytes|at most 4 KB"))).to_be_visible()


def test_base64_and_the_counter(console: Console, key: str) -> None:
    page = console.open(f"{key}encrypt/")
    page.get_by_label("Plaintext").fill("ü" * 10)
    expect(page.locator("#count-text")).to_contain_text("20 / 4,096 bytes")
    choose(page, "Base64")
    page.get_by_label("Plaintext").fill(base64.b64encode(b"12345").decode())
    expect(page.locator("#count-text")).to_contain_text("5 / 4,096 bytes")
    ciphertext = encrypt(page)
    page = console.open(f"{key}decrypt/")
    decrypt(page, "\n".join(re.findall(".{1,64}", ciphertext)))
    page.get_by_text("Show plaintext").click()
    expect(page.get_by_label("As text")).to_have_value("12345")

    page = console.open(f"{key}encrypt/")
    choose(page, "Base64")
    page.get_by_label("Plaintext").fill("no Base64!")
    page.get_by_role("button", name="Encrypt").click()
    expect(page.get_by_text("InvalidParameterValue.InvalidPlaintext")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_the_context_must_be_the_same(
    browse: Open, console: Console, key: str, script: bool
) -> None:
    page = browse(java_script_enabled=script).open(f"{key}encrypt/")
    page.get_by_label("Plaintext").fill("bound")
    page.get_by_text("Encryption context").first.click()
    page.get_by_label("Context name").first.fill("tenant")
    page.get_by_label("Context value").first.fill("blue")
    if script:
        page.get_by_role("button", name="Add a row").click()
    page.get_by_label("Context name").nth(1).fill("店")
    page.get_by_label("Context value").nth(1).fill('"quoted"')
    ciphertext = encrypt(page)

    page = console.open(f"{key}decrypt/")
    decrypt(page, ciphertext)
    expect(page.get_by_text("InvalidCiphertext")).to_be_visible()
    page.get_by_text("Encryption context").first.click()
    choose(page, "JSON")
    page.locator("#context-json").fill(
        json.dumps({"店": '"quoted"', "tenant": "blue"}, ensure_ascii=False)
    )
    decrypt(page, ciphertext)
    page.get_by_text("Show plaintext").click()
    expect(page.get_by_label("As text")).to_have_value("bound")


def test_the_same_name_twice_is_refused(console: Console, key: str) -> None:
    page = console.open(f"{key}encrypt/")
    page.get_by_label("Plaintext").fill("x")
    page.get_by_text("Encryption context").first.click()
    page.get_by_role("button", name="Add a row").click()
    for row in (0, 1):
        page.get_by_label("Context name").nth(row).fill("tenant")
        page.get_by_label("Context value").nth(row).fill(str(row))
    page.get_by_role("button", name="Encrypt").click()
    expect(page.get_by_text("The encryption context can't be read.")).to_be_visible()


def test_plaintext_goes_away_after_a_minute_and_leaves_no_trace(
    browse: Open, console: Console, key: str
) -> None:
    canary = "canary-7f3a-plaintext"
    page = console.open(f"{key}encrypt/")
    page.get_by_label("Plaintext").fill(canary)
    ciphertext = encrypt(page)

    fresh = browse()
    fresh.page.clock.install()
    page = fresh.open(f"{key}decrypt/")
    with page.expect_response("**/decrypt/") as answer:
        decrypt(page, ciphertext)
    assert "no-store" in answer.value.headers["cache-control"]
    page.get_by_text("Show plaintext").click()
    expect(page.get_by_label("As text")).to_have_value(canary)
    page.clock.run_for(61_000)
    expect(page.get_by_text("The plaintext was cleared")).to_be_visible()
    assert canary not in page.content()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert canary not in stored + page.url


def test_the_call_shown_never_holds_the_data(console: Console, key: str) -> None:
    page = console.open(f"{key}encrypt/")
    page.get_by_label("Plaintext").fill("not-for-snippets")
    page.get_by_text("The same as an API call").click()
    snippet = page.locator("#call-shell").inner_text()
    assert f"--KeyId {key.split('/')[2]}" in snippet
    assert "not-for-snippets" not in page.locator("api-call").inner_text()


def test_the_call_shown_follows_what_is_typed(console: Console) -> None:
    page = console.open("/keys/create/")
    page.get_by_label("Name", exact=True).fill("shop")
    page.get_by_label("Description").fill('it\'s "new"')
    page.get_by_text("The same as an API call").click()
    shell = page.locator("#call-shell").inner_text()
    assert "--Alias shop" in shell
    assert """--Description 'it'"'"'s "new"'""" in shell
    assert r'request.Description = "it' in page.locator("#call-python").inner_text()


def test_the_calls_shown_work_as_they_stand(
    console: Console, key: str, tmp_path: Path
) -> None:
    access = console.server.access_key
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TENCENTCLOUD_SECRET_ID": access["SecretId"],
        "TENCENTCLOUD_SECRET_KEY": access["SecretKey"],
    }

    def run(*command: str) -> dict[str, Any]:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    page = console.open("/keys/create/")
    page.get_by_label("Name", exact=True).fill("made-by-snippet")
    page.get_by_text("The same as an API call").click()
    made = run(sys.executable, "-c", page.locator("#call-python").inner_text())
    assert made["Alias"] == "made-by-snippet"

    (tmp_path / "secret.txt").write_bytes(b"by command")
    page = console.open(f"{key}encrypt/")
    page.get_by_text("The same as an API call").click()
    by_shell = run("bash", "-c", page.locator("#call-shell").inner_text())
    by_python = run(sys.executable, "-c", page.locator("#call-python").inner_text())
    assert by_shell["KeyId"] == by_python["KeyId"] == key.split("/")[2]

    (tmp_path / "ciphertext.txt").write_text(by_shell["CiphertextBlob"])
    page = console.open(f"{key}decrypt/")
    page.get_by_text("The same as an API call").click()
    for command in (
        ("bash", "-c", page.locator("#call-shell").inner_text()),
        (sys.executable, "-c", page.locator("#call-python").inner_text()),
    ):
        assert base64.b64decode(run(*command)["Plaintext"]) == b"by command"
