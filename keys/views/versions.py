"""A key's versions: rotating by itself and by hand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keys.operations import ListKeyVersions
from keys.views.page import KeyPage
from keys.views.rotation import (
    ROTATING,
    DisableKeyRotationView,
    EnableKeyRotationView,
)
from kmsconsole.forms import WireForm
from kmsconsole.principals import names_of


@dataclass(frozen=True, slots=True)
class Version:
    """One version as the page shows it; `uses` since counting began."""

    number: int
    created_at: datetime
    creator: str
    uses: int
    encrypts: bool
    erased: bool


class RotationPage(KeyPage):
    """Versions and rotation."""

    operation = ListKeyVersions
    template = "keys/rotation.html"
    slug = "rotation"
    tab = "rotation"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the versions, and what can be done about rotation."""
        listed = self.operation.execute(self.call, self.parameters()).output
        key = self.key
        names = names_of(row.creator_uin for row, _uses in listed["Versions"])
        enable, disable = (
            view.offer(self.glance, key)
            for view in (EnableKeyRotationView, DisableKeyRotationView)
        )
        return super().context(form) | {
            "versions": [self._version(row, n, names) for row, n in listed["Versions"]],
            "tracked_since": listed["TrackedSince"],
            "rotates": key.kind in ROTATING,
            "enable": enable,
            "disable": disable,
        }

    def _version(self, row: Any, uses: int, names: dict[int, str]) -> Version:
        return Version(
            number=row.number,
            created_at=row.created_at,
            creator=names.get(row.creator_uin, str(row.creator_uin)),
            uses=uses,
            encrypts=row.number == self.key.primary_version,
            erased=row.destroyed_at is not None or not row.binding,
        )
