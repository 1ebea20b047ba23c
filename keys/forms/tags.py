"""The form for a key's tags: rows of a name and a value."""

from collections.abc import Sequence
from typing import Any

from keys.forms.details import EditForm
from kmsconsole.forms import WireForm

EMPTY_ROWS = 3


def typed_tags(form: WireForm) -> list[tuple[str, str]]:
    """Return name and value of each row of a bound form that is not empty."""
    names: Sequence[str] = form.data.getlist("tag-name")  # type: ignore[attr-defined]
    values: Sequence[str] = form.data.getlist("tag-value")  # type: ignore[attr-defined]
    rows = zip(names, values, strict=False)
    pairs = [(name.strip(), value.strip()) for name, value in rows]
    return [pair for pair in pairs if any(pair)]


class TagsForm(EditForm):
    """All tags of a key at once; a row left empty is no tag."""

    def typed(self) -> list[tuple[str, str]]:
        """Return name and value of each row that is not empty."""
        if not self.is_bound:
            tags: list[tuple[str, str]] = self.initial.get("tags", [])
            return tags
        return typed_tags(self)

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each row to show, with empty ones to fill in."""
        return self.typed() + [("", "")] * EMPTY_ROWS

    def wire(self) -> dict[str, Any]:
        """Return the tags as the API has them."""
        tags = [{"TagKey": name, "TagValue": value} for name, value in self.typed()]
        return super().wire() | {"Tags": tags}
