"""Files: encrypted and decrypted in a browser, against examples/envelope.py."""

import base64
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Open
from tests.browser.file_page import (
    COLLECTS,
    FIXED,
    NAME,
    READ_BACK,
    SETTLED,
    WRITES,
    choose,
    disclose,
    refused,
    start,
    through,
)
from tests.browser.test_every_page import overflow, violations
from tests.test_examples import CHUNK, SEALED_CHUNK, create_key, run

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

Seal = Callable[..., bytes]


@pytest.fixture
def console(browse: Open) -> Console:
    """A person whose browser collects the result and downloads it."""
    console = browse()
    console.page.add_init_script(COLLECTS)
    return console


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {}


@pytest.fixture
def key(console: Console, keys: dict[str, str]) -> str:
    """Return the ID of a key; all tests here share it."""
    server = console.server
    if "id" not in keys:
        keys["id"] = create_key(server, server.access_key, "file-key")
    return keys["id"]


@pytest.fixture
def seal(console: Console, key: str, tmp_path: Path) -> Seal:
    """Encrypt with the example."""

    def sealed(data: bytes, *more: str) -> bytes:
        plain, target = tmp_path / "to-seal", tmp_path / "sealed"
        plain.write_bytes(data)
        server = console.server
        what = ("encrypt", "--key", key, *more, plain, target)
        done = run(server, server.access_key, "envelope.py", *what)
        assert done.returncode == 0, done.stderr
        return target.read_bytes()

    return sealed


def unseal(console: Console, tmp_path: Path, data: bytes, *more: str) -> bytes | None:
    """Decrypt with the example; None where it refuses."""
    source, target = tmp_path / "to-open", tmp_path / "opened"
    source.write_bytes(data)
    server = console.server
    what = ("decrypt", *more, source, target)
    done = run(server, server.access_key, "envelope.py", *what)
    return target.read_bytes() if done.returncode == 0 else None


SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 12345]


@pytest.mark.parametrize("size", SIZES)
def test_browser_and_example_read_each_other(
    console: Console, key: str, seal: Seal, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    page = console.open(f"/keys/{key}/files/")
    name, sealed = through(page, "Encrypt", data)
    assert name == f"{NAME}.enc"
    assert unseal(console, tmp_path, sealed) == data
    example = seal(data)
    assert len(example) == len(sealed)
    assert through(page, "Decrypt", example, f"{NAME}.enc") == (NAME, data)
    assert through(page, "Decrypt", sealed, "other.bin") == (
        "other.bin.decrypted",
        data,
    )


def test_a_result_is_written_while_it_is_made(
    browse: Open, key: str, seal: Seal, tmp_path: Path
) -> None:
    console = browse()
    console.page.add_init_script(WRITES)
    page = console.open(f"/keys/{key}/files/")
    data = os.urandom(2 * CHUNK + 77)
    choose(page, "Encrypt", data)
    start(page, "Encrypt")
    expect(page.get_by_role("heading", name="Encrypted")).to_be_visible()
    expect(page.get_by_role("link", name="Save file")).to_have_count(0)
    sealed = base64.b64decode(page.evaluate(READ_BACK, f"{NAME}.enc"))
    assert unseal(console, tmp_path, sealed) == data

    choose(page, "Decrypt", sealed, "back.enc")
    start(page, "Decrypt")
    expect(page.get_by_role("heading", name="Decrypted")).to_be_visible()
    assert base64.b64decode(page.evaluate(READ_BACK, "back")) == data

    # Two good chunks were written before the bad one; nothing of them may stay.
    choose(page, "Decrypt", sealed[:-1] + bytes([sealed[-1] ^ 1]), "bad.enc")
    start(page, "Decrypt")
    refused(page, "This file is not as it was encrypted")
    assert sorted(page.evaluate(READ_BACK, "bad")) == sorted([f"{NAME}.enc", "back"])


def test_a_context_is_bound_to_the_file(
    console: Console, key: str, seal: Seal, tmp_path: Path
) -> None:
    page = console.open(f"/keys/{key}/files/")
    disclose(page, "Encryption context")
    page.get_by_label("Context name").first.fill("tenant")
    page.get_by_label("Context value").first.fill('"blau" für 店')
    data = b"bound to its context"
    _, sealed = through(page, "Encrypt", data)
    given = ("--context", 'tenant="blau" für 店')
    assert unseal(console, tmp_path, sealed, *given) == data
    assert unseal(console, tmp_path, sealed) is None

    example = seal(data, "--context", "a=1", "--context", "b=x=y")
    page.get_by_role("radio", name="JSON").check()
    page.locator("#context-json").fill(json.dumps({"b": "x=y", "a": "1"}))
    assert through(page, "Decrypt", example)[1] == data
    page.locator("#context-json").fill("")
    choose(page, "Decrypt", example)
    start(page, "Decrypt")
    refused(page, "Give the encryption context it was encrypted with")
    expect(page.get_by_text("InvalidParameterValue.InvalidCiphertext")).to_be_visible()


@pytest.mark.parametrize("context", ['{"format": "x"}', "[]", '{"a": 1}', "{}{}"])
def test_a_context_nobody_can_read_is_refused_at_its_field(
    console: Console, key: str, context: str
) -> None:
    page = console.open(f"/keys/{key}/files/")
    disclose(page, "Encryption context")
    page.get_by_role("radio", name="JSON").check()
    page.locator("#context-json").fill(context)
    disclose(page, "Encryption context")
    choose(page, "Encrypt", b"x")
    start(page, "Encrypt")
    expect(page.get_by_text("The encryption context can't be read.")).to_be_visible()
    expect(page.locator("#context-json")).to_be_focused()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()


def test_a_changed_file_is_refused(console: Console, key: str, seal: Seal) -> None:
    data = os.urandom(2 * CHUNK + 5)
    one, other, empty = seal(data), seal(data), seal(b"")
    head = len(one) - 2 * SEALED_CHUNK - 5 - 16
    first = one[head : head + SEALED_CHUNK]
    second = one[head + SEALED_CHUNK : head + 2 * SEALED_CHUNK]
    last = one[head + 2 * SEALED_CHUNK :]

    def flipped(place: int) -> bytes:
        return one[:place] + bytes([one[place] ^ 1]) + one[place + 1 :]

    damaged = "This file is not as it was encrypted"
    changed = {
        "prefix": (flipped(15), damaged),
        "chunk size": (flipped(9), damaged),
        "blob": (flipped(head - 30), "can't be opened"),
        "middle": (flipped(head + SEALED_CHUNK + 100), damaged),
        "tag of the last": (flipped(len(one) - 1), damaged),
        "last dropped": (one[:-21], damaged),
        "cut inside": (one[:-3], damaged),
        "swapped": (one[:head] + second + first + last, damaged),
        "left out": (one[:head] + second + last, damaged),
        "mixed": (other[:head] + one[head:], damaged),
        "longer": (one + b"x", damaged),
        "a chunk longer": (one + first, damaged),
        "only the header": (one[:head], damaged),
        "empty cut": (empty[:-1], damaged),
    }
    page = console.open(f"/keys/{key}/files/")
    downloads: list[object] = []

    def note(download: object) -> None:
        downloads.append(download)

    page.on("download", note)
    for name, (content, words) in changed.items():
        assert content != one, name
        choose(page, "Decrypt", content)
        start(page, "Decrypt")
        refused(page, words)
        expect(page.get_by_role("link", name="Save file")).to_have_count(0)
    for content in (flipped(0), b"", b"x" * 100, one[: FIXED - 1]):
        choose(page, "Decrypt", content)
        start(page, "Decrypt")
        expect(page.get_by_text("This is no file that was encrypted")).to_be_visible()
        expect(page.locator("#file")).to_be_focused()
        expect(page.locator("#file")).to_have_attribute("aria-invalid", "true")
    assert downloads == []
    assert through(page, "Decrypt", one)[1] == data


def test_only_the_data_key_travels(console: Console, key: str) -> None:
    page = console.open(f"/keys/{key}/files/")
    sent: list[str] = []
    page.on("request", lambda r: sent.append(f"{r.url} {r.headers} {r.post_data}"))
    with page.expect_response("**/files/") as answer:
        through(page, "Encrypt", b"canary-5d1e-inside", "canary-5d1e-name.txt")
    assert answer.value.headers["cache-control"] == "no-store"
    told = answer.value.json()
    assert set(told) == {"KeyId", "Plaintext", "CiphertextBlob", "RequestId"}
    assert len(base64.b64decode(told["Plaintext"])) == 32
    traffic = "\n".join(line for line in sent if not line.startswith("blob:"))
    assert "csrfmiddlewaretoken" not in (answer.value.request.post_data or "")
    assert "canary-5d1e" not in traffic
    assert told["Plaintext"] not in page.content()
    shown = page.locator('[data-stage="encrypt-done"]')
    expect(shown.get_by_text(told["RequestId"])).to_be_visible()


def test_a_disabled_key_is_refused_with_words(
    console: Console, seal: Seal, tmp_path: Path
) -> None:
    path = console.create_key("file-key-off")
    page = console.open(f"{path}files/")
    _, sealed = through(page, "Encrypt", b"soon unreadable")
    console.open(f"{path}disable-key/")
    page.get_by_role("button", name="Disable key").click()
    page.get_by_text("The key is disabled: nothing").wait_for()
    console.open(f"{path}files/")
    notice = page.locator(".notice.warn:visible")
    for mode, data in (("Encrypt", b"x"), ("Decrypt", sealed)):
        choose(page, mode, data)
        expect(notice).to_contain_text("it is not enabled")
        with page.expect_response("**/files/") as answer:
            start(page, mode)
        refused(page, "Enable the key, then try again.")
        assert answer.value.status == 409
        shown = page.locator('[data-stage="refused"]')
        expect(shown).to_contain_text("ResourceUnavailable.CmkDisabled")
        expect(shown).to_contain_text(answer.value.json()["RequestId"])


def test_a_file_of_another_key_names_it(console: Console, key: str, seal: Seal) -> None:
    sealed = seal(b"of another key")
    page = console.open(f"{console.create_key('not-that-key')}files/")
    assert through(page, "Decrypt", sealed)[1] == b"of another key"
    done = page.locator('[data-stage="decrypt-done"]')
    expect(done.get_by_text("another of your keys")).to_be_visible()
    done.get_by_role("link", name=key).click()
    expect(page.get_by_role("heading", name="file-key", exact=True)).to_be_visible()


def test_nothing_is_sent_without_a_file(console: Console, key: str) -> None:
    page = console.open(f"/keys/{key}/files/")
    start(page, "Encrypt")
    expect(page.get_by_text("Choose a file first.")).to_be_visible()
    expect(page.locator("#file")).to_be_focused()
    choose(page, "Encrypt", b"x")
    expect(page.get_by_text("Choose a file first.")).to_be_hidden()


def test_cancelling_saves_nothing(browse: Open, key: str, tmp_path: Path) -> None:
    console = browse()
    page = console.page
    # A writer that waits, so that there is time to cancel.
    page.add_init_script(
        WRITES
        + """
        const write = FileSystemWritableFileStream.prototype.write;
        FileSystemWritableFileStream.prototype.write = async function (...given) {
          await new Promise((go) => { setTimeout(go, 300); });
          return write.apply(this, given);
        };
        """
    )
    console.open(f"/keys/{key}/files/")
    large = tmp_path / NAME
    large.write_bytes(bytes(20 * CHUNK))
    page.locator("#file").set_input_files(large)
    start(page, "Encrypt")
    expect(page.get_by_text(f"Encrypting {NAME}")).to_be_visible()
    expect(page.get_by_text("MB of 21 MB")).to_be_visible()
    expect(page.locator("#file")).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Cancelled. Nothing was saved.")
    expect(page.get_by_role("button", name="Encrypt", exact=True)).to_be_focused()
    assert page.evaluate(READ_BACK, "nothing") == []


def test_no_answer_no_session_and_no_sense_are_told_apart(
    browse: Open, key: str
) -> None:
    console = browse()
    page = console.open(f"/keys/{key}/files/")
    choose(page, "Encrypt", b"x")
    page.context.set_offline(True)
    start(page, "Encrypt")
    refused(page, "The service didn't answer.")
    page.context.set_offline(False)
    token = page.locator("file-tool [name=csrfmiddlewaretoken]")
    token.evaluate("field => { field.value = 'stale'; }")
    start(page, "Encrypt")
    refused(page, "Load this page again")
    expect(page.locator('[data-stage="refused"] code')).to_have_text(
        re.compile("[0-9a-f-]{36}")
    )
    console.open(f"/keys/{key}/files/")
    choose(page, "Encrypt", b"x")
    session = [c for c in page.context.cookies() if "session" not in c["name"]]
    page.context.clear_cookies()
    page.context.add_cookies(session)  # type: ignore[arg-type]
    start(page, "Encrypt")
    refused(page, "You are signed out.")


def test_without_script_the_page_says_what_to_do(browse: Open, key: str) -> None:
    page = browse(java_script_enabled=False, width=390).open(f"/keys/{key}/files/")
    expect(page.get_by_role("heading", name="This needs JavaScript")).to_be_visible()
    command = page.locator("#command-no-script")
    expect(command).to_contain_text("python examples/envelope.py encrypt")
    expect(command).to_contain_text(f"--key {key}")
    expect(page.locator("#file")).to_be_hidden()
    expect(page.locator("#command-insecure")).to_be_hidden()


def test_without_a_secure_connection_the_page_says_what_to_do(
    browse: Open, key: str
) -> None:
    console = browse()
    console.page.add_init_script(
        "Object.defineProperty(window, 'isSecureContext', { value: false })"
    )
    page = console.open(f"/keys/{key}/files/")
    expect(
        page.get_by_role("heading", name="This needs a secure connection")
    ).to_be_visible()
    expect(page.locator("#command-insecure")).to_contain_text(f"--key {key}")
    expect(page.locator("#file")).to_be_hidden()


def test_every_stage_is_accessible_and_fits(
    console: Console, key: str, seal: Seal, axe: str
) -> None:
    page = console.open(f"/keys/{key}/files/")
    page.emulate_media(reduced_motion="reduce")
    for summary in ("Encryption context", "The same on the command line"):
        disclose(page, summary)
    stages = (
        lambda: None,
        lambda: start(page, "Encrypt"),
        lambda: through(page, "Encrypt", b"x" * 5000),
        lambda: through(page, "Decrypt", seal(b"y")),
        lambda: (choose(page, "Decrypt", seal(b"")[:-1]), start(page, "Decrypt")),
    )
    for reach in stages:
        reach()
        page.locator("[data-stage]:visible").wait_for()
        # What lies below the bar on top is not too small, only scrolled away.
        page.evaluate("scrollTo(0, 0)")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.evaluate(SETTLED)
            assert violations(page, axe) == []
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 844})
            assert overflow(page) == [], width
        page.evaluate("scrollTo(0, 0)")
        assert violations(page, axe, "target-size", "color-contrast") == []
