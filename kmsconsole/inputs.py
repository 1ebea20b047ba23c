"""What every operation's input has in common, for API and console alike."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

from kmsconsole.errors import (
    InvalidParameterValue,
    KMSError,
    MissingParameter,
    UnknownParameter,
    WrongType,
)

_LONGEST_NUMBER = 19


class OperationInput(BaseModel):
    """Parameters by their wire names; an unknown one is refused.

    Validators may raise a `KMSError` of their own: it passes through as it is.
    """

    model_config = ConfigDict(
        alias_generator=to_pascal,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )


def _whole_number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= _LONGEST_NUMBER
    ):
        return int(value)
    code, text = "int_type", "a whole number is needed"
    raise PydanticCustomError(code, text)


# GET requests and some documented examples send numbers as strings.
WholeNumber = Annotated[int, BeforeValidator(_whole_number)]


def refusal_of(error: ValidationError) -> KMSError:
    """Return the one clear refusal for an input that doesn't fit."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[
        0
    ]
    kind = first["type"]
    if kind == "extra_forbidden":
        return UnknownParameter()
    parameter = ".".join(str(part) for part in first["loc"])
    if kind == "missing":
        return MissingParameter(parameter)
    if kind.endswith(("_type", "_parsing")):
        return WrongType(parameter)
    return InvalidParameterValue(parameter)
