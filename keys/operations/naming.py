"""How hosted data keys are named and described."""

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator

from keys.datakeys.errors import InvalidDataKeyId, InvalidDataKeyName
from keys.operations.base import identifier
from kmsconsole.errors import InvalidParameterValue

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", re.ASCII)
_MOST_DESCRIPTION_BYTES = 100


def _data_key_id(value: Any) -> Any:
    return identifier(value, InvalidDataKeyId("DataKeyId"))


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise InvalidDataKeyName("DataKeyName")
    return value


def _description(value: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidParameterValue("Description") from None
    if size > _MOST_DESCRIPTION_BYTES or "\x00" in value:
        raise InvalidParameterValue("Description")
    return value


DataKeyId = Annotated[UUID, BeforeValidator(_data_key_id)]
DataKeyName = Annotated[str, AfterValidator(_name)]
DataKeyDescription = Annotated[str, AfterValidator(_description)]
