"""The encryption context: a JSON object of strings, bound to a ciphertext as AAD.

Two texts mean the same context when they carry the same pairs: member order, white
space and escapes do not count. Text is compared as it is, without unicode
normalisation, because two spellings a caller tells apart must stay apart. Absent, ""
and "{}" all mean "no context".
"""

import json
import struct

MAX_CHARACTERS = 1024


class ContextRefused(ValueError):
    """The text is not an encryption context; carries nothing of it."""

    def __init__(self) -> None:
        super().__init__("not a JSON object of strings of at most 1024 characters")


def canonical_context(text: str | None) -> bytes:
    """Return the one byte form of a context, b"" for none.

    The form is: for each member, ordered by the UTF-8 of its name, name and value, each
    after its length (u32). Raises ContextRefused for anything but one flat JSON object
    whose names are unique and whose values are strings.
    """
    if not text:
        return b""
    if len(text) > MAX_CHARACTERS:
        raise ContextRefused
    try:
        pairs = _pairs(text)
        encoded = sorted((name.encode(), value.encode()) for name, value in pairs)
    except (ValueError, RecursionError):
        # UnicodeEncodeError (a lone surrogate) is a ValueError. The cause is not
        # chained: it quotes the input.
        raise ContextRefused from None
    return b"".join(_prefixed(part) for pair in encoded for part in pair)


def _pairs(text: str) -> list[tuple[str, str]]:
    # Members arrive as lists of pairs so that a repeated name is seen; a nested object
    # arrives as a list too and falls to the check of its value.
    members = json.loads(text, object_pairs_hook=_Members)
    if not isinstance(members, _Members):
        raise ContextRefused
    if len({name for name, _ in members}) != len(members):
        raise ContextRefused
    if not all(isinstance(value, str) for _, value in members):
        raise ContextRefused
    return members


class _Members(list[tuple[str, str]]):
    """A JSON object as its members, told apart from a JSON array by its type."""


def _prefixed(part: bytes) -> bytes:
    return struct.pack(">I", len(part)) + part
