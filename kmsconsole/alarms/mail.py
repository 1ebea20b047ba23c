"""Sends one alarm, or the code that proves an address, as plain mail."""

import smtplib
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext, override

from kmsconsole.alarms.failure import Failure
from kmsconsole.alarms.models import Delivery, MailAddress
from kmsconsole.alarms.words import absolute, told

_DIGITS: Final = 8


def code_of(row: MailAddress) -> str:
    """Return the digits that prove this address; they are stored nowhere."""
    material = f"{row.person_uin}|{row.address}|{row.nonce}"
    digest = salted_hmac("alarms.address", material, algorithm="sha256").digest()
    return str(int.from_bytes(digest[:8], "big") % 10**_DIGITS).zfill(_DIGITS)


def proves(row: MailAddress, code: str) -> bool:
    """Say whether this is the code."""
    return constant_time_compare(code_of(row), code)


def send(delivery: Delivery, row: MailAddress) -> None:
    """Hand a message to the mail server; raises Failure where it is not taken."""
    with override(row.language):
        subject, text = _code(row) if delivery.alarm is None else _alarm(delivery)
    host = urlsplit(settings.KMS_PUBLIC_URL).hostname or "localhost"
    message = EmailMessage(
        subject,
        text,
        to=[row.address],
        headers={
            # The same each time, so that a repeated message is known as one.
            "Message-ID": f"<{delivery.id}@{host}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        message.send()
    except smtplib.SMTPResponseException as error:
        raise Failure("mail", error.smtp_code) from None
    except (OSError, smtplib.SMTPException):
        raise Failure("connection") from None


def _code(row: MailAddress) -> tuple[str, str]:
    url = absolute(reverse("alarm_settings"))
    text = gettext(
        "Type this code to receive alarms at this address: %(code)s\n\n%(url)s\n\n"
        "If you didn't ask for it, do nothing: without the code nothing is sent here."
    )
    return gettext("Your code for alarms"), text % {"code": code_of(row), "url": url}


def _alarm(delivery: Delivery) -> tuple[str, str]:
    assert delivery.alarm is not None
    said = told(delivery.alarm)
    url = absolute(said.url or reverse("alarms"))
    lines = [said.sentence, said.mend, url]
    if delivery.alarm.key_id:
        where = gettext("Key %(id)s in %(region)s")
        known = {"id": delivery.alarm.key_id, "region": delivery.alarm.region}
        lines.insert(2, where % known)
    subject = said.title
    if delivery.alarm.key_name:
        subject = f"{said.title}: {delivery.alarm.key_name}"
    return f"[kmsconsole] {subject}", "\n\n".join(lines) + "\n"
