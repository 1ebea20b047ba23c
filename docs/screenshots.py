# ruff: noqa: INP001 - a script, started by path
"""Takes the pictures of the console: `make screenshots`.

Starts the real service with keys of every kind in it and drives Chromium: the two
pictures of the README, and every page light, dark, narrow and in Chinese, to be looked
at before a change of the look is called done.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page, sync_playwright

from tests import furniture
from tests.browser.conftest import ARGUMENTS, CHROMIUM, Console
from tests.browser.test_every_page import PAGES
from tests.server import RunningServer

IMAGES = Path(__file__).resolve().parent / "images"
EVERY = IMAGES / "every-page"
LOOKS = (
    (1440, "light", "en"),
    (1440, "dark", "en"),
    (390, "light", "en"),
    (1440, "light", "zh-hans"),
)
# Servers have DejaVu as their only Latin face, which no desktop shows for system-ui.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <match target="pattern">
    <test name="family"><string>sans-serif</string></test>
    <edit name="family" mode="prepend" binding="strong">
      <string>Noto Sans CJK SC</string>
    </edit>
  </match>
</fontconfig>
"""


@contextmanager
def fonts() -> Iterator[None]:
    """Let Chromium find a face like a desktop's, where there is one."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(FONTS)
        file.flush()
        os.environ["FONTCONFIG_FILE"] = file.name
        yield
        del os.environ["FONTCONFIG_FILE"]


@contextmanager
def console(
    server: RunningServer, width: int, scheme: str, language: str
) -> Iterator[Console]:
    """Open a signed-in browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            locale="en-GB",
        )
        person = Console(page, server)
        person.sign_in()
        page.wait_for_url("**/keys/")
        cookie = {"name": "kmsconsole_language", "url": server.base_url}
        page.context.add_cookies([cookie | {"value": language}])
        yield person
        browser.close()


def encrypt_something(person: Console, key: str) -> Page:
    """Leave the tools page with a result on it."""
    page = person.open(f"{key}encrypt/")
    page.get_by_label("Plaintext").fill('{"card": "4929 1234 5678 9012"}')
    page.get_by_role("button", name="Encrypt").click()
    page.locator("#ciphertext").wait_for()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    return page


def take_every_page(server: RunningServer, paths: dict[str, str]) -> None:
    """Take each page in each of its looks."""
    EVERY.mkdir(exist_ok=True)
    for width, scheme, language in LOOKS:
        with console(server, width, scheme, language) as person:
            for name, path in PAGES.items():
                look = f"{width}-{scheme}-{language}"
                picture = EVERY / f"{name.replace(' ', '-')}-{look}.jpg"
                page = person.open(path.format(**paths))
                page.screenshot(path=picture, full_page=True, type="jpeg", quality=50)


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", action="store_true", help="only the README's two")
    readme_only: bool = parser.parse_args().readme
    IMAGES.mkdir(exist_ok=True)
    regions = {"KMS_REGIONS": "ap-guangzhou"}
    with fonts(), RunningServer.started(**regions) as server:
        paths = furniture.placeholders(furniture.put_into(server))
        with console(server, 1440, "light", "en") as person:
            person.open("/keys/").screenshot(path=IMAGES / "keys.png")
            picture = IMAGES / "tools.png"
            encrypt_something(person, paths["key"]).screenshot(path=picture)
        if not readme_only:
            take_every_page(server, paths)


if __name__ == "__main__":
    main()
