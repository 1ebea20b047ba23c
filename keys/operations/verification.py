"""Whether what is stored can still be used: every version, unwrapped and compared.

No material leaves the HSM, and no handle is kept.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from keys import custody
from keys.errors import CmkNotFound, UnreadableVersion
from keys.hsm.errors import BadData, HsmMismatch
from keys.models import KeyVersion
from keys.operations.base import KeyId, hsm_refusal
from kmsconsole.errors import KMSError
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

MOST_VERSIONS = 200


class VerifyKeyVersionsInput(OperationInput):
    """Which versions: so many behind a row."""

    after: WholeNumber = 0
    limit: Annotated[WholeNumber, Field(ge=1, le=MOST_VERSIONS)] = MOST_VERSIONS


class VerifyKeyVersions(Operation):
    """Try a block of stored versions, of whatever account; one event tells of it."""

    effect = Effect.READ
    scope = Scope.SYSTEM
    api = False
    Input = VerifyKeyVersionsInput

    def perform(self, data: VerifyKeyVersionsInput) -> dict[str, Any]:
        """Return how many were tried, the last one's row, and those that failed."""
        rows = KeyVersion.objects.filter(
            pk__gt=data.after, wrapped_material__isnull=False
        )
        block = list(rows.select_related("key").order_by("pk")[: data.limit])
        unreadable = [row for row in block if not _readable(row)]
        last = block[-1].pk if block else data.after
        self.details |= {
            "After": data.after,
            "Until": last,
            "Verified": len(block) - len(unreadable),
            "Unreadable": len(unreadable),
        }
        return {"Tried": len(block), "Last": last, "Unreadable": unreadable}

    def translate(self, error: Exception) -> KMSError | None:
        """Without the HSM nothing can be tried."""
        return hsm_refusal(error, self)


class VerifyKeyVersionInput(OperationInput):
    """One version of one key."""

    key_id: KeyId
    number: WholeNumber


class VerifyKeyVersion(Operation):
    """Try one version: refuses one that can't be used, so that its event is found."""

    effect = Effect.READ
    scope = Scope.SYSTEM
    api = False
    audited_fields = ("number",)
    Input = VerifyKeyVersionInput

    def locate(self, data: VerifyKeyVersionInput) -> Sequence[KeyVersion | None]:
        """Find the version in the account and region."""
        call = self.call
        found = KeyVersion.objects.select_related("key").filter(
            key_id=data.key_id,
            number=data.number,
            key__account_uin=call.principal.account_uin,
            key__region=call.region,
            wrapped_material__isnull=False,
        )
        return [found.first()]

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name key and version."""
        if not isinstance(resource, KeyVersion):
            return None, None
        return str(resource.key_id), resource.number

    def perform(self, data: VerifyKeyVersionInput) -> dict[str, Any]:
        """Return nothing where all is well."""
        version = self.resources[0]
        if version is None:
            raise CmkNotFound("KeyId")
        if not _readable(version):
            raise UnreadableVersion
        return {}

    def translate(self, error: Exception) -> KMSError | None:
        """Without the HSM nothing can be tried."""
        return hsm_refusal(error, self)


def _readable(row: KeyVersion) -> bool:
    """Say whether a version can be used; raises HsmError where the HSM can't be."""
    keyring = custody.keyring()
    identity = custody.identity_of(row.key, row.number, row.spec)
    try:
        keyring.verify(custody.wrapped(row), identity)
    except BadData:
        return False
    except HsmMismatch:
        # Either all of the token is another one, or this row names what never was.
        keyring.verify_hierarchy()
        return False
    return True
