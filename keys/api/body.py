"""Parameters as they come over the wire: one JSON object, or a flattened query.

Whatever two readers could understand differently is refused: duplicate names, other
encodings, numbers beyond JSON, text that has no UTF-8. Values keep the type they were
sent with; operations decide which ones they take.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from keys.api.errors import UnsupportedContentType
from kmsconsole.errors import InvalidParameter, RequestTooLarge

MOST_BODY_BYTES = 131_072
MOST_QUERY_CHARACTERS = 32_768
MOST_QUERY_FIELDS = 1_000
MOST_DEPTH = 10

_LONGEST_INTEGER = 20
_JSON = "application/json"
_CHARSETS = frozenset({"utf-8", "utf8"})


def read(environ: Mapping[str, Any]) -> bytes:
    """Return the whole body; raises RequestTooLarge having read at most the limit."""
    declared = environ.get("CONTENT_LENGTH")
    if declared:
        if not (declared.isascii() and declared.isdigit()):
            raise InvalidParameter
        if len(declared) > _LONGEST_INTEGER or int(declared) > MOST_BODY_BYTES:
            raise RequestTooLarge(limit=MOST_BODY_BYTES)
        return _read_up_to(environ["wsgi.input"], int(declared))
    # Sent in chunks: one byte more than allowed shows that it is too long.
    body = _read_up_to(environ["wsgi.input"], MOST_BODY_BYTES + 1)
    if len(body) > MOST_BODY_BYTES:
        raise RequestTooLarge(limit=MOST_BODY_BYTES)
    return body


def _read_up_to(stream: Any, wanted: int) -> bytes:
    parts = []
    while wanted and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def need_json(content_type: str) -> None:
    """Refuse every content type but JSON; a charset may only say UTF-8."""
    if content_type == _JSON:
        return
    media_type, *parameters = content_type.split(";")
    if media_type.strip().lower() != _JSON:
        raise UnsupportedContentType
    for parameter in parameters:
        name, _, value = parameter.strip().lower().partition("=")
        if name == "charset" and value.strip('"') not in _CHARSETS:
            raise UnsupportedContentType


def parse_json(body: bytes) -> dict[str, Any]:
    """Return the one JSON object of a body; raises InvalidParameter for the rest."""
    try:
        data = _decoder.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        # Decoding errors quote the input: nothing of them may go on.
        raise InvalidParameter from None
    if type(data) is not dict:
        raise InvalidParameter
    _inspect(data, 1)
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidParameter
    return members


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise InvalidParameter
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidParameter
    return number


def _no_constant(_word: str) -> NoReturn:
    raise InvalidParameter


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_finite,
    parse_constant=_no_constant,
)


def _inspect(value: Any, depth: int) -> None:
    """Refuse what is nested too deeply and text that no database could hold."""
    if isinstance(value, str):
        if "\x00" in value or not (value.isascii() or _has_utf8(value)):
            raise InvalidParameter
    elif isinstance(value, (dict, list)):
        if depth > MOST_DEPTH:
            raise InvalidParameter
        if isinstance(value, dict):
            for name in value:
                _inspect(name, depth)
        for part in value.values() if isinstance(value, dict) else value:
            _inspect(part, depth + 1)


def _has_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def parse_query(query: str) -> dict[str, Any]:
    """Return the parameters of a GET: `KeyIds.0=…&Tags.0.TagKey=…` as lists and maps.

    Every value is a string. Raises InvalidParameter for duplicates, gaps in a list and
    names that mean two things, RequestTooLarge beyond the limit.
    """
    if len(query) > MOST_QUERY_CHARACTERS:
        raise RequestTooLarge(limit=MOST_QUERY_CHARACTERS)
    if not query:
        return {}
    try:
        query.encode("ascii")
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_QUERY_FIELDS,
        )
    except ValueError:
        raise InvalidParameter from None
    tree: dict[str, Any] = {}
    for name, value in pairs:
        _plant(tree, name.split("."), value)
    data = {name: _folded(branch) for name, branch in tree.items()}
    _inspect(data, 1)
    return data


def _plant(tree: dict[str, Any], path: list[str], value: str) -> None:
    if len(path) > MOST_DEPTH or "" in path:
        raise InvalidParameter
    *branches, leaf = path
    for branch in branches:
        tree = tree.setdefault(branch, {})
        if not isinstance(tree, dict):
            raise InvalidParameter
    if leaf in tree:
        raise InvalidParameter
    tree[leaf] = value


def _folded(branch: Any) -> Any:
    """Turn maps whose names are 0, 1, 2… into lists."""
    if not isinstance(branch, dict):
        return branch
    if not any(name[0].isdigit() for name in branch):
        return {name: _folded(part) for name, part in branch.items()}
    try:
        return [_folded(branch[str(index)]) for index in range(len(branch))]
    except KeyError:
        raise InvalidParameter from None
