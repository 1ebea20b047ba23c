"""A real Chromium against the running service, watched for what it complains about."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import furniture
from tests.server import RunningServer

# Playwright keeps an event loop in this thread, which Django takes for an async
# caller in whatever test uses the database next.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Console:
    """One person's browser: a page, and what was written to its console."""

    page: Page
    server: RunningServer
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.server.base_url + path)
        return self.page

    def sign_in(self, password: str | None = None) -> Page:
        page = self.open(f"/login/?account={self.server.account}")
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill(password or self.server.password)
        page.get_by_role("button", name="Sign in").click()
        return page

    def create_key(self, name: str) -> str:
        """Make a key on its own page; returns the path of the key's page."""
        page = self.open("/keys/create/")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("button", name="Create key").click()
        page.get_by_role("heading", name=name).wait_for()
        return page.url.removeprefix(self.server.base_url)


Open = Callable[..., Console]
_PROOF_SECONDS = 180


@pytest.fixture(scope="session")
def signed_in(chromium: Browser, server: RunningServer) -> Callable[[], Any]:
    """Sign in as seldom as possible; every test begins with a copy of that session.

    A proof older than some minutes no longer lets dangerous pages be opened.
    """
    known: dict[str, Any] = {"at": -_PROOF_SECONDS}

    def state() -> Any:
        if time.monotonic() - known["at"] >= _PROOF_SECONDS:
            context = chromium.new_context()
            console = Console(context.new_page(), server)
            console.sign_in()
            console.page.wait_for_url("**/keys/")
            known.update(at=time.monotonic(), state=context.storage_state())
            context.close()
        return known["state"]

    return state


@pytest.fixture
def browse(
    chromium: Browser, server: RunningServer, signed_in: Callable[[], Any]
) -> Iterator[Open]:
    """Open browsers of any kind; afterwards none may have had anything to complain."""
    opened: list[tuple[BrowserContext, Console]] = []

    def open_console(*, width: int = 1440, known: bool = True, **more: Any) -> Console:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            storage_state=signed_in() if known else None,
            **more,
        )
        context.add_init_script(_REPORT_VIOLATIONS)
        console = Console(context.new_page(), server)
        console.page.on(
            "console",
            lambda message: _note(console, message.type, message.text),
        )
        console.page.on(
            "pageerror", lambda error: console.complaints.append(str(error))
        )
        opened.append((context, console))
        return console

    yield open_console
    for context, console in opened:
        context.close()
        assert console.complaints == []


def _note(console: Console, kind: str, text: str) -> None:
    # Chromium also reports each refusal's status here; those are asked for.
    if kind == "error" and "Failed to load resource" not in text:
        console.complaints.append(text)


@pytest.fixture
def console(browse: Open) -> Console:
    """A signed-in person at a desk."""
    return browse()


@pytest.fixture
def second_factor(server: RunningServer) -> Iterator[None]:
    """Give the operator a second factor, after signing in without it."""
    database = sqlite3.connect(server.home / "kms.sqlite3", timeout=20)
    with database:
        database.execute(
            "INSERT INTO mfa_authenticator (type, data, created_at, user_id) "
            "SELECT 'totp', '{}', created_at, id FROM accessctl_user WHERE is_staff"
        )
    yield
    with database:
        database.execute("DELETE FROM mfa_authenticator WHERE data = '{}'")
    database.close()


@pytest.fixture(scope="session")
def paths(server: RunningServer) -> dict[str, str]:
    """Keys of every kind and state: the paths of their pages by name."""
    return furniture.placeholders(furniture.put_into(server))


@pytest.fixture(scope="session")
def axe() -> str:
    return (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text()
