"""Tags: names and values that people sort and find keys by."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from keys.errors import InvalidTag, TagKeysDuplicated
from keys.models import CustomerMasterKey, KeyTag
from keys.operations.base import (
    KeyBatchInput,
    KeyBatchOperation,
    KeyInput,
    KeyOperation,
    Revision,
)
from kmsconsole.operations import Effect

MOST_TAGS = 50
LONGEST_NAME, LONGEST_VALUE = 127, 255
_RESERVED_PREFIX = "kms:"


def _pair(tag: Any) -> tuple[str, str]:
    if not isinstance(tag, dict) or not set(tag) <= {"TagKey", "TagValue"}:
        raise InvalidTag("Tags")
    name, value = tag.get("TagKey"), tag.get("TagValue", "")
    if not isinstance(name, str) or not isinstance(value, str):
        raise InvalidTag("Tags")
    return name, value


def _named_once(value: Any) -> dict[str, str]:
    """Turn the wire's list of TagKey and TagValue into names and values."""
    if value is None:
        return {}
    if not isinstance(value, list):
        raise InvalidTag("Tags")
    pairs = [_pair(tag) for tag in value]
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise TagKeysDuplicated("Tags")
    return tags


def allowed(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags; raises InvalidTag where one is not allowed, or for too many."""
    if len(tags) > MOST_TAGS:
        raise InvalidTag("Tags")
    for name, value in tags.items():
        too_long = len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE
        if not name.strip() or too_long or not (name + value).isprintable():
            raise InvalidTag("Tags")
        if name.lower().startswith(_RESERVED_PREFIX):
            raise InvalidTag("Tags")
    return tags


def wire_tags(value: Any) -> dict[str, str]:
    """Return the tags of a list of TagKey and TagValue; refuses what TagKey refuses."""
    return allowed(_named_once(value))


_AS_SENT = WithJsonSchema(
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "TagKey": {"type": "string"},
                "TagValue": {"type": "string"},
            },
            "required": ["TagKey"],
        },
    }
)
# Tags that can be read, whether or not they are allowed.
ReadableTags = Annotated[dict[str, str], BeforeValidator(_named_once), _AS_SENT]
Tags = Annotated[dict[str, str], BeforeValidator(wire_tags), _AS_SENT]


class TagKeyInput(KeyInput):
    """All tags the key shall have; the ones not named are removed."""

    tags: Tags
    expected_revision: Revision = None


class TagKey(KeyOperation):
    """Replace a key's tags. Tags are not secret: they stand in the audit by name."""

    effect = Effect.CHANGE
    Input = TagKeyInput

    def perform(self, data: TagKeyInput) -> dict[str, Any]:
        """Store exactly these tags."""
        self.refuse_stale(data.expected_revision)
        key = self.key
        self.details["TagKeys"] = sorted(data.tags)
        key.tags.exclude(name__in=data.tags).delete()
        _add(key, data.tags)
        self.save(key)
        return {}


class TagKeysInput(KeyBatchInput):
    """Tags that every key shall have beside its own."""

    tags: Annotated[Tags, Field(min_length=1)]


class TagKeys(KeyBatchOperation):
    """Add tags to up to 100 keys, or give those they have another value."""

    effect = Effect.CHANGE
    permission = "TagKey"
    Input = TagKeysInput

    def perform(self, data: TagKeysInput) -> dict[str, Any]:
        """Add the tags to each key; more than 50 on one refuse all."""
        self.details["TagKeys"] = sorted(data.tags)
        for key in self.resources:
            if key.tags.exclude(name__in=data.tags).count() + len(data.tags) > (
                MOST_TAGS
            ):
                raise InvalidTag("Tags")
            _add(key, data.tags)
            self.save(key)
        return {}


def _add(key: CustomerMasterKey, tags: dict[str, str]) -> None:
    KeyTag.objects.bulk_create(
        (KeyTag(key=key, name=name, value=value) for name, value in tags.items()),
        update_conflicts=True,
        unique_fields=("key", "name"),
        update_fields=("value",),
    )
