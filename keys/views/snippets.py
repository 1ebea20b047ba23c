"""The same thing as an API call: what a page does, for tccli and for Python."""

import json
import shlex
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as both languages write it.

    `follows` marks a parameter whose value follows the form's field of this name while
    somebody types; `example` stands where the field is empty. A `plain` value is no
    text: Python writes it without quotes.
    """

    name: str
    shell: str
    python: str
    value: str = ""
    example: str = ""
    follows: bool = False
    optional: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call; never carries anybody's data."""

    action: str
    region: str
    parameters: tuple[Parameter, ...]
    imports: tuple[str, ...] = ()
    endpoint: str = field(default_factory=lambda: settings.KMS_PUBLIC_URL)

    @property
    def scheme(self) -> str:
        """Http or https."""
        return urlsplit(self.endpoint).scheme

    @property
    def host(self) -> str:
        """Return host and port."""
        return urlsplit(self.endpoint).netloc


def fixed(name: str, value: str) -> Parameter:
    """Return a parameter that the page itself knows."""
    return Parameter(name, shlex.quote(value), json.dumps(value), value)


def following(
    name: str,
    value: str,
    example: str,
    *,
    optional: bool = False,
    plain: bool = False,
) -> Parameter:
    """Return a parameter that follows a field of the form."""
    shown = value or example
    return Parameter(
        name,
        shlex.quote(shown),
        shown if plain else json.dumps(shown, ensure_ascii=False),
        value,
        example,
        follows=True,
        optional=optional,
        plain=plain,
    )


def number(name: str, value: str) -> Parameter:
    """Return a whole number."""
    return Parameter(name, value, value, value)


def file_base64(name: str, file: str) -> Parameter:
    """Return a file's content as Base64; `file` is a plain name."""
    return Parameter(
        name,
        f'"$(base64 -w0 {file})"',
        f'base64.b64encode(Path("{file}").read_bytes()).decode()',
    )


def ciphertext_from_file(name: str = "CiphertextBlob") -> Parameter:
    """Return the ciphertext as a file's content."""
    return Parameter(
        name,
        '"$(cat ciphertext.txt)"',
        'Path("ciphertext.txt").read_text().strip()',
    )
