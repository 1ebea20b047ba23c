"""The console without a browser: for what a page says, where no script matters."""

import html
import re
from typing import Any

from django.test import Client

from accessctl.models import User
from accessctl.operations import first_account
from tests.personas import ACCOUNT

PASSWORD = "correct-horse-battery"


def signed_in() -> Client:
    """Return a browser of the first account's root user."""
    first_account(PASSWORD)
    client = Client()
    client.force_login(User.objects.get(account_id=ACCOUNT, is_root=True))
    return client


def words(response: Any) -> str:
    """Return what a page says, without its marks and with single spaces."""
    text = re.sub(
        r"<template.*?</template>", " ", response.content.decode(), flags=re.DOTALL
    )
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
