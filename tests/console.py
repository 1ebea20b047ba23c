"""The console without a browser: for what a page says, where no script matters."""

import html
import re
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client

from accessctl.models import User
from accessctl.operations import first_account
from tests.personas import ACCOUNT

PASSWORD = "correct-horse-battery"


def signed_in() -> Client:
    """Return a browser of the first account's root user."""
    first_account(PASSWORD)
    client = Client()
    enter(client, User.objects.get(account_id=ACCOUNT, is_root=True))
    return client


def enter(client: Client, user: User) -> None:
    """Begin a session as if the person had just given their password."""
    client.force_login(user)
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, "password")
    request.session.save()


def words(response: Any) -> str:
    """Return what a page says, without its marks and with single spaces."""
    text = re.sub(
        r"<template.*?</template>", " ", response.content.decode(), flags=re.DOTALL
    )
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
