"""Browsers of people with and without rights, for tests of a key's pages."""

import re
from typing import Any

from django.test import Client

from accessctl.models import User
from accessctl.operations import first_account
from kmsconsole import randomness
from tests.accessctl.people import account, grant, sub_account
from tests.console import PASSWORD, enter, words
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT

_NUMBERS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def root() -> Client:
    """Return a browser of the root user."""
    if not User.objects.filter(account_id=ACCOUNT, is_root=True).exists():
        first_account(PASSWORD)
    return of(User.objects.get(account_id=ACCOUNT, is_root=True))


def holder(name: str, *rights: str, key: str = "") -> Client:
    """Return a browser of a new sub-account with these rights."""
    user = sub_account(name)
    if rights:
        grant(user, *rights, key=key)
    return of(user)


def foreigner() -> Client:
    """Return a browser of the root user of another account."""
    account(FOREIGN_ACCOUNT)
    return of(User.objects.get(account_id=FOREIGN_ACCOUNT, is_root=True))


def of(user: User) -> Client:
    """Return a browser in which this person has just signed in."""
    client = Client()
    enter(client, user)
    return client


def same_as_nothing(client: Client, path: str, number: str) -> bool:
    """Say whether asking by this ID is answered as asking by one nobody has."""
    nobodys = path.replace(number, str(randomness.uuid4()))
    ours, theirs = (client.get(one) for one in (path, nobodys))
    alike = _told(ours) == _told(theirs)
    sent = [client.post(one, {}) for one in (path, nobodys)]
    return alike and _told(sent[0]) == _told(sent[1])


def _told(answer: Any) -> tuple[int, str]:
    return answer.status_code, _NUMBERS.sub("", words(answer))
