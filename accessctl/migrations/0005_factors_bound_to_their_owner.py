"""Seals the secrets of second factors anew, each bound to its owner.

Until now a row could be given another person's secret unnoticed. Needs the HSM where
there are any; what can't be opened stays as it is, and opens nothing.
"""

import base64
import logging
from typing import Any

from django.db import migrations

from keys.hsm.errors import BadData

log = logging.getLogger(__name__)

_SECRETS = ("secret", "seed")
_BEFORE = b"accessctl/factor/1"


def _seal_anew(apps: Any, _editor: Any) -> None:
    from keys import custody  # noqa: PLC0415 - models exist only now

    rows = apps.get_model("mfa", "Authenticator").objects.exclude(type="webauthn")
    for row in rows.iterator():
        changed = False
        for name in _SECRETS:
            text = row.data.get(name)
            # Bound ones have three parts: a second walk changes nothing.
            if text is None or text.count(":") != 1:
                continue
            epoch, sealed = text.split(":")
            try:
                secret = custody.keyring().open_secret(
                    int(epoch), base64.b64decode(sealed), _BEFORE
                )
            except (BadData, ValueError):
                log.critical("a second factor of user %s can't be opened", row.user_id)
                continue
            binding = f"accessctl/factor/2/{row.user_id}".encode("ascii")
            epoch, sealed = custody.keyring().seal_secret(secret, binding)
            coded = base64.b64encode(sealed).decode("ascii")
            row.data[name] = f"2:{epoch}:{coded}"
            changed = True
        if changed:
            row.save(update_fields=["data"])


class Migration(migrations.Migration):
    dependencies = [
        ("accessctl", "0004_products"),
        ("keys", "0005_what_falls_due"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [
        migrations.RunPython(_seal_anew, migrations.RunPython.noop, elidable=False)
    ]
