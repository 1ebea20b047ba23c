"""What must be true of a data folder after anything that may happen to it.

I1 an acknowledged key is there with one primary version, and every version unwraps to
its check value; I2 acknowledged ciphertexts decrypt, unless their key was destroyed; I3
of a destroyed key no material is left, also not in the raw files; I4 nothing is
destroyed before its date; I6 there are as many effects as events; I7 the HSM holds the
pinned keys once and nothing else; I8 no plaintext is anywhere. (I5, that a change holds
from its answer on, is tests/accessctl/test_revocation.py and the random lives.)

`python -m tests.faults.invariants LEDGER` in the environment of a data folder prints
what was counted and what is broken as JSON.
"""

import json
import os
import sys
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import django

# ruff: noqa: PLC0415 - Django is set up first

_MAKING = {"CreateKey", "CreateCloudKey", "RotateKey", "RotateDueKey"}
_ROTATING = {"RotateKey", "RotateDueKey"}
# One event a request and key; the others are about many keys or none.
_COUNTED = "success"


class Judge:
    """Looks at everything in the ledger, or at all there is; collects what is wrong."""

    def __init__(self, lines: list[dict[str, Any]], *, everything: bool = True) -> None:
        from keys.models import CustomerMasterKey
        from kmsconsole.audit.models import AuditEvent

        self.lines = lines
        self.broken: list[str] = []
        self.counts: Counter[str] = Counter()
        known = {line["key"] for line in lines if line.get("key")}
        rows = CustomerMasterKey.objects.prefetch_related("versions")
        events = AuditEvent.objects.filter(outcome=_COUNTED)
        if not everything:
            rows = rows.filter(id__in=known)
            events = events.filter(key_id__in=known)
        self.keys = {str(row.id): row for row in rows}
        self.events: dict[str, list[Any]] = defaultdict(list)
        for event in events.exclude(key_id=None).order_by("sequence"):
            self.events[event.key_id].append(event)

    def expect(self, truth: bool, what: str) -> None:
        """Count a look, and keep the words where it went wrong."""
        self.counts["checks"] += 1
        if not truth:
            self.broken.append(what)

    def judge(self) -> dict[str, Any]:
        """Look at all of it."""
        for key_id, row in self.keys.items():
            self.look_at_material(key_id, row)
            self.look_at_destruction(key_id, row)
            self.look_at_events(key_id, row)
        self.look_at_acknowledged()
        self.look_at_token()
        self.look_at_files()
        return {"counts": dict(self.counts), "broken": self.broken[:20]}

    def look_at_material(self, key_id: str, row: Any) -> None:
        """I1: one primary version, and every version is what it was."""
        from keys import custody
        from keys.hsm.errors import HsmError

        versions = {version.number: version for version in row.versions.all()}
        self.counts["keys"] += 1
        if row.state == "Destroyed":
            return
        if row.origin != "EXTERNAL":
            self.expect(row.primary_version in versions, f"I1 {key_id}: no primary")
            held = all(v.wrapped_material is not None for v in versions.values())
            self.expect(held, f"I1 {key_id}: a version lacks its material")
            newest = max(versions, default=0)
            self.expect(
                set(versions) == set(range(1, newest + 1))
                and row.primary_version == newest,
                f"I1 {key_id}: versions {sorted(versions)}",
            )
        for version in versions.values():
            if version.wrapped_material is None:
                continue
            self.counts["versions"] += 1
            identity = custody.identity_of(row, version.number, version.spec)
            try:
                custody.keyring().verify(custody.wrapped(version), identity)
            except HsmError as error:
                self.expect(False, f"I1 {key_id}/{version.number}: {error!r}")

    def look_at_destruction(self, key_id: str, row: Any) -> None:
        """I3 and I4: nothing is left, and it was not before its date."""
        ended = [e for e in self.events[key_id] if e.operation == "DestroyKey"]
        gone = row.state == "Destroyed"
        self.expect(
            len(ended) == gone, f"I6 {key_id}: destroyed {len(ended)} times, {gone=}"
        )
        if not gone:
            return
        self.counts["destroyed"] += 1
        empty = all(
            version.wrapped_material is None and not version.binding
            for version in row.versions.all()
        )
        self.expect(empty, f"I3 {key_id}: material is left")
        date = row.deletion_date
        on_time = date is not None and row.destroyed_at >= date
        self.expect(on_time, f"I4 {key_id}: {date=} {row.destroyed_at=}")
        asked = [e for e in self.events[key_id] if e.operation == "ScheduleKeyDeletion"]
        least = timedelta(days=7, seconds=-1)
        waited = bool(asked) and row.destroyed_at - asked[-1].time >= least
        self.expect(waited, f"I4 {key_id}: destroyed within the waiting period")

    def look_at_events(self, key_id: str, row: Any) -> None:
        """I6: each version was made by exactly one recorded operation."""
        made = Counter(
            e.key_version for e in self.events[key_id] if e.operation in _MAKING
        )
        numbers = {version.number for version in row.versions.all()}
        if row.origin == "EXTERNAL":
            brought = [
                e for e in self.events[key_id] if e.operation == "ImportKeyMaterial"
            ]
            self.expect(
                not numbers or bool(brought), f"I6 {key_id}: imported by nobody"
            )
            return
        self.expect(
            made == Counter(dict.fromkeys(numbers, 1)),
            f"I6 {key_id}: versions {sorted(numbers)}, made by {dict(made)}",
        )
        self.counts["rotations"] += sum(
            e.operation in _ROTATING for e in self.events[key_id]
        )

    def look_at_acknowledged(self) -> None:
        """I1, I2 and I6 for what somebody was told."""
        recorded = Counter(
            (event.request_id, event.operation)
            for events in self.events.values()
            for event in events
        )
        for line in self.lines:
            key_id = line.get("key")
            if not key_id:
                continue
            row = self.keys.get(key_id)
            self.expect(row is not None, f"I1 {key_id}: acknowledged and lost")
            if "request" in line:
                self.counts["acknowledged"] += 1
                times = recorded[line["request"], line["did"]]
                self.expect(times == 1, f"I6 {line['did']} of {key_id}: {times} events")
            if row is not None and line.get("blob") and row.state != "Destroyed":
                self.look_at_ciphertext(key_id, row, line)

    def look_at_ciphertext(self, key_id: str, row: Any, line: dict[str, Any]) -> None:
        """I2: it decrypts with what is stored, whatever state the key is in."""
        from keys import material
        from keys.crypto import ciphertext
        from keys.crypto.context import canonical_context
        from keys.operations.cryptography import decrypt, text

        self.counts["ciphertexts"] += 1
        blob = ciphertext.decode(line["blob"])
        found = material.find(
            UUID(key_id), row.account_uin, row.region, number=blob.version
        )
        if found is not None and found.version is None and row.origin == "EXTERNAL":
            return
        try:
            plain = text(decrypt(found, blob, canonical_context(None)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
            plain = repr(error)
        self.expect(plain == line["plain"], f"I2 {key_id}: {plain}")

    def look_at_token(self) -> None:
        """I7: the pinned keys prove themselves, and nothing else is in the token."""
        import pkcs11  # noqa: TID251 - looks behind the back of the module under test

        from keys import custody
        from keys.models import TokenKey

        keyring = custody.keyring()
        keyring.verify_hierarchy()
        wanted = {pkcs11.Attribute.TOKEN: True}
        found = Counter(
            keyring._token._connection.run(
                lambda session: [
                    bytes(thing[pkcs11.Attribute.ID])
                    for thing in list(session.get_objects(wanted))
                ]
            )
        )
        # The sealing key is a pair, of two objects.
        pinned = Counter(
            {
                bytes(row.object_id): 2 if row.kind == "seal" else 1
                for row in TokenKey.objects.all()
            }
        )
        self.expect(found == pinned, f"I7 the token holds {len(found)} other keys")

    def look_at_files(self) -> None:
        """I3 and I8: neither erased material nor plaintext is in any file."""
        from django.conf import settings

        from tests import canary
        from tests.faults.actor import PLAIN

        gone = {
            key
            for key, row in self.keys.items()
            if all(v.wrapped_material is None for v in row.versions.all())
        }
        erased = [
            bytes.fromhex(line["wrapped"])
            for line in self.lines
            if line["did"] == "stored" and line["key"] in gone
        ]
        words = canary.forms(PLAIN.decode())
        for path in Path(settings.KMS_HOME).rglob("*"):
            parts = path.relative_to(settings.KMS_HOME).parts
            # Packages, what every browser loads, and copies from before a migration.
            if not path.is_file() or parts[0].startswith(("softhsm", "static", "bef")):
                continue
            content = path.read_bytes()
            self.counts["files"] += 1
            left = sum(blob in content for blob in erased)
            self.expect(not left, f"I3 {path.name}: {left} erased blobs are left")
            self.expect(
                not any(word in content for word in words), f"I8 plaintext in {path}"
            )
        self.counts["erased"] += len(erased)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    from tests.faults import ledger

    judge = Judge(ledger.read(Path(sys.argv[1])))
    sys.stdout.write(json.dumps(judge.judge()) + "\n")
