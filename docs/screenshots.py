# ruff: noqa: INP001 - a script, started by path
"""Takes the pictures of the console: `make screenshots`.

Starts the real service with a few keys in it and drives Chromium. Without arguments
the two pictures of the README are made; with `--all FOLDER` every page, light, dark
and narrow, to be looked at before a change of the look is called done.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Console
from tests.browser.test_every_page import PAGES
from tests.server import RunningServer

IMAGES = Path(__file__).resolve().parent / "images"
KEYS = {
    "billing-cards": "Card numbers of the payment service",
    "backup-archive": "Nightly database dumps",
    "mail-gateway": "SMTP credentials",
    "payroll-2025": "Salary exports to the bank",
    "session-tokens": "Refresh tokens of the web shop",
    "hr-records": "Scanned contracts",
    "order-documents": "Invoices and delivery notes",
    "payroll-2026": "Salary exports to the bank",
}
DISABLED = ("payroll-2025", "hr-records")


@contextmanager
def console(server: RunningServer, width: int, scheme: str) -> Iterator[Console]:
    """Open a signed-in browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        person = Console(page, server)
        person.sign_in()
        page.wait_for_url("**/keys/")
        yield person
        browser.close()


def furnish(person: Console) -> str:
    """Make the keys; returns the path of the first one's page."""
    paths = {}
    for name, description in KEYS.items():
        page = person.open("/keys/create/")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Description").fill(description)
        page.get_by_role("button", name="Create key").click()
        page.get_by_role("heading", name=name).wait_for()
        paths[name] = page.url.removeprefix(person.server.base_url)
    for name in DISABLED:
        page = person.open(f"{paths[name]}disable-key/")
        page.get_by_role("button", name="Disable key").click()
        page.wait_for_url(f"**{paths[name]}")
    return paths["billing-cards"]


def encrypt_something(person: Console, key: str) -> Page:
    """Leave the tools page with a result on it."""
    page = person.open(f"{key}encrypt/")
    page.get_by_label("Plaintext").fill('{"card": "4929 1234 5678 9012"}')
    page.get_by_role("button", name="Encrypt").click()
    page.locator("#ciphertext").wait_for()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    return page


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", dest="folder")
    folder: Path | None = parser.parse_args().folder
    IMAGES.mkdir(exist_ok=True)
    with RunningServer.started(KMS_REGIONS="ap-guangzhou") as server:
        with console(server, 1440, "light") as person:
            key = furnish(person)
            person.open("/keys/").screenshot(path=IMAGES / "keys.png")
            encrypt_something(person, key).screenshot(path=IMAGES / "tools.png")
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for width, scheme in ((1440, "light"), (1440, "dark"), (390, "light")):
            with console(server, width, scheme) as person:
                for name, path in PAGES.items():
                    picture = folder / f"{name.replace(' ', '-')}-{width}-{scheme}.png"
                    page = person.open(path.format(key=key))
                    page.screenshot(path=picture, full_page=True)


if __name__ == "__main__":
    main()
