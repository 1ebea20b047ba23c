"""The public half of a key pair: to show, to copy and to take away."""

import base64
import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse

from keys.crypto.algorithms import signature_algorithms
from keys.operations import GetPublicKey
from keys.states import KeyKind
from keys.views import snippets
from keys.views.base import reason_against
from keys.views.page import KeyPage
from keys.views.snippets import ApiCall
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm

_TYPES = {"pem": "application/x-pem-file", "der": "application/octet-stream"}
# How openssl verifies, by the name of the algorithm on the wire.
_VERIFY = "openssl dgst -{hash} -verify public-key.pem -signature signature.bin"
_PSS = " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"
_ENCRYPT = (
    "openssl pkeyutl -encrypt -pubin -inkey public-key.pem"
    " -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256"
    " -in secret.txt -out ciphertext.bin"
)


def commands_for(kind: KeyKind, usage: str) -> list[tuple[str, str]]:
    """Return what openssl does with the public key: algorithm and command."""
    if kind is KeyKind.DECRYPTING:
        return [("RSAES_OAEP_SHA_256", _ENCRYPT)]
    return [
        (
            row.name,
            _VERIFY.format(hash=row.hash_name)
            + (_PSS if "PSS" in row.scheme else "")
            + " message.txt",
        )
        for row in signature_algorithms(usage)
    ]


class PublicKeyPage(KeyPage):
    """The public key, while the key is enabled."""

    operation = GetPublicKey
    template = "keys/public_key.html"
    slug = "public-key"
    tab = "public-key"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the key in both forms, or why there is none to show."""
        key = self.key
        shown: dict[str, Any] = {
            "unavailable": reason_against(GetPublicKey, self.glance, key)
        }
        if not shown["unavailable"]:
            output = self._read()
            der = base64.b64decode(output["PublicKey"])
            shown |= {
                "pem": output["PublicKeyPem"],
                "fingerprint": hashlib.sha256(der).hexdigest(),
                "commands": commands_for(key.kind, key.usage),
            }
        known = snippets.fixed("KeyId", self.key_id)
        return (
            super().context(form)
            | shown
            | {"api": ApiCall("GetPublicKey", self.call.region, (known,))}
        )

    def _read(self) -> dict[str, Any]:
        return GetPublicKey.execute(self.call, {"KeyId": self.key_id}).output

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the page, or answer the file that `download` names."""
        wanted = request.GET.get("download")
        if wanted not in _TYPES:
            return super().get(request, **kwargs)
        try:
            output = self._read()
        except KMSError as refusal:
            return self.page(self.form(), refusal)
        content = (
            output["PublicKeyPem"].encode()
            if wanted == "pem"
            else base64.b64decode(output["PublicKey"])
        )
        name = f"{self.key.alias}-public-key.{wanted}"
        return HttpResponse(
            content,
            content_type=_TYPES[wanted],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
