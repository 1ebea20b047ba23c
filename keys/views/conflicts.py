"""Two people edit the same key: nothing of either is lost."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

from keys.errors import KeyChanged
from keys.operations import ListKeyEvents
from keys.views.base import KeyView
from keys.views.happenings import Happening, happenings
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Conflict:
    """What others changed meanwhile, newest first, and the revision that made."""

    changes: list[Happening]
    revision: int
    present: Any


class GuardedView(KeyView):
    """An edit that overwrites nothing that its sender has not seen.

    Its form carries `ExpectedRevision`; where the key went on since, the page shows
    the changes, the present value and what was typed.
    """

    def present(self) -> Any:
        """Return what stands now where the form would write."""
        raise NotImplementedError

    def initial(self) -> dict[str, Any]:
        """Note the revision that is being edited."""
        return super().initial() | {"ExpectedRevision": self.key.revision}

    def page(
        self, form: WireForm, refusal: KMSError | None = None, **more: Any
    ) -> HttpResponse:
        """Show the form, and with it what happened meanwhile."""
        conflict = None
        if isinstance(refusal, KeyChanged):
            conflict = self._conflict(form)
        more["conflict"] = conflict
        more["revision"] = (
            conflict.revision if conflict else form["ExpectedRevision"].value()
        )
        return super().page(form, refusal, **more)

    def _conflict(self, form: WireForm) -> Conflict:
        key = self.key
        seen = int(form.cleaned_data["ExpectedRevision"])
        asked = {"KeyId": self.key_id, "Only": "changes"}
        events = ListKeyEvents.execute(self.call, asked).output["Events"]
        done = [change for change in happenings(events) if change.succeeded]
        number = min(max(key.revision - seen, 1), _MOST_SHOWN)
        return Conflict(done[:number], key.revision, self.present())
