"""What takes something away for good: its consequences first, then the key's name."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from keys.forms.deletion import NamedForm
from keys.views.base import OfferedView
from keys.views.uses import holders_of, uses_of
from kmsconsole.forms import WireForm


class LossView(OfferedView):
    """Says how the key was used before it asks, and wants its name typed.

    The template has `keys/uses.html` and `keys/typed_name.html` in it.
    """

    form: ClassVar[type[NamedForm]]
    icon = "triangle-alert"
    folded = True

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the uses, and why it is not possible, if so."""
        return (
            super().context(form)
            | uses_of(self)
            | holders_of(self)
            | {"blocked": self.reason(self.call, self.key)}
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Check the typed name, then do it."""
        form = self.form(request.POST)
        if form.is_valid() and not form.confirms(self.key.alias):
            return self.page(form)
        return super().post(request, **kwargs)
