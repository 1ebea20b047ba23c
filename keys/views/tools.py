"""The online tools. What they give back is in the answer and nowhere else."""

import base64
from typing import Any, ClassVar
from unicodedata import category

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from keys.crypto import ciphertext
from keys.forms.tools import (
    DataKeyForm,
    DecryptForm,
    EncryptForm,
    RandomForm,
    ReEncryptForm,
    ToolForm,
)
from keys.operations import (
    Decrypt,
    Encrypt,
    GenerateDataKey,
    GenerateRandom,
    ReEncrypt,
)
from keys.views import snippets
from keys.views.base import reason_against
from keys.views.page import KeyPage
from keys.views.snippets import ApiCall
from keys.views.toolbox import tool, usable_tools
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm
from kmsconsole.pages import OperationView

_SHOWN_CONTROLS = {"\t", "\n"}
_DATA_KEY_BYTES = {"AES_128": 16, "AES_256": 32}


@method_decorator(sensitive_post_parameters(), name="dispatch")
class Tool(OperationView):
    """A form, and beside it what came of it; nothing is redirected or stored.

    The template `keys/tools/<slug>.html` has the partials `input` and `outcome`.
    """

    template = "keys/tools.html"
    part = "result"
    form: ClassVar[type[WireForm]] = ToolForm
    slug: ClassVar[str]
    label: str | Promise
    icon: str
    # What the form's button says, where that is not the tool's own name.
    button: ClassVar[str | Promise] = ""
    input_title: ClassVar[str | Promise]
    result_title: ClassVar[str | Promise]
    awaiting: ClassVar[str | Promise]

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the tool's words, its templates and its API call."""
        return super().context(form) | {
            "tool": self,
            "input": f"keys/tools/{self.slug}.html#input",
            "outcome_template": f"keys/tools/{self.slug}.html#outcome",
            "api": self.api(),
        }

    def api(self) -> ApiCall | None:
        """Return the same as an API call, without the data, where there is one."""
        return None

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return what to show of the answer."""
        raise NotImplementedError

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Run the operation and show what it gave."""
        form = self.form(request.POST, request.FILES)
        self.adapt(form)
        if not form.is_valid():
            return self.page(form, problems=form.errors.values())
        data = self.parameters() | form.wire()
        try:
            output = self.operation.execute(self.call, data).output
        except KMSError as refusal:
            # Shown where the result would be, so the form stays as it is.
            answer = self.page(form, refusal=None, refusal_shown=refusal)
            answer.status_code = refusal.http_status
            return answer
        return self.page(form, outcome=self.outcome(data, output))

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the empty form."""
        form = self.form(initial=self.initial())
        self.adapt(form)
        return self.page(form)

    def adapt(self, form: WireForm) -> None:
        """Fit the form to the key, where choices depend on it."""


class KeyTool(Tool, KeyPage):
    """A tool that works with keys of some kinds; its words stand in the toolbox."""

    tab = "tools"
    # How much it takes, and what becomes of it.
    note: ClassVar[str | Promise] = gettext_lazy(
        "Up to 4 KB at a time. Nothing you type or get here is stored."
    )

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Take the tool's words from the toolbox."""
        super().setup(request, *args, **kwargs)
        self.entry = tool(self.slug)
        self.label, self.icon = self.entry.label, self.entry.icon

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Know no such page for a key of another kind."""
        if self.key.kind not in self.entry.kinds:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the tools of this key, and why this one would be refused now."""
        tools = [
            {
                "slug": entry.slug,
                "label": entry.label,
                "icon": entry.icon,
                "url": reverse("keys:operation", args=[self.key_id, entry.slug]),
            }
            for entry in usable_tools(self.glance, self.key)
        ]
        return super().context(form) | {
            "tools": tools,
            "unavailable": self.unavailable(),
        }

    def unavailable(self) -> str:
        """Return why the tool would be refused now; empty if it would not."""
        return reason_against(self.operation, self.glance, self.key)


class EncryptView(KeyTool):
    """Encrypts."""

    operation = Encrypt
    form = EncryptForm
    slug = "encrypt"
    input_title = gettext_lazy("Plaintext")
    result_title = gettext_lazy("Encrypted")
    awaiting = gettext_lazy("The ciphertext appears here, to copy or to download.")

    def initial(self) -> dict[str, Any]:
        """Begin with text."""
        return {"format": "text"}

    def api(self) -> ApiCall:
        """Return the call that encrypts a file."""
        return ApiCall(
            "Encrypt",
            self.call.region,
            (
                snippets.fixed("KeyId", self.key_id),
                snippets.file_base64("Plaintext", "secret.txt"),
            ),
            imports=("import base64", "from pathlib import Path"),
        )

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return the ciphertext and which version made it."""
        blob: str = output["CiphertextBlob"]
        return {
            "version": ciphertext.decode(blob).version,
            "size": len(base64.b64decode(data["Plaintext"])),
            "blob": blob,
        }


class DecryptView(KeyTool):
    """Decrypts."""

    operation = Decrypt
    form = DecryptForm
    slug = "decrypt"
    input_title = gettext_lazy("Ciphertext")
    result_title = gettext_lazy("Decrypted")
    awaiting = gettext_lazy("The plaintext appears here, hidden until you ask for it.")

    def initial(self) -> dict[str, Any]:
        """Begin with pasting."""
        return {"format": "text"}

    def parameters(self) -> dict[str, Any]:
        """Nothing: the ciphertext names its key itself."""
        return {}

    def api(self) -> ApiCall:
        """Return the call that decrypts a file."""
        return ApiCall(
            "Decrypt",
            self.call.region,
            (snippets.ciphertext_from_file(),),
            imports=("from pathlib import Path",),
        )

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return the plaintext, and which version of which key had encrypted it."""
        return secret(output["Plaintext"]) | {
            "version": ciphertext.decode(data["CiphertextBlob"]).version,
            "key_id": output["KeyId"],
            "of_other_key": output["KeyId"] != self.key_id,
        }


class ReEncryptView(KeyTool):
    """Moves a ciphertext to the newest version, another key or another context."""

    operation = ReEncrypt
    form = ReEncryptForm
    slug = "re-encrypt"
    input_title = gettext_lazy("Ciphertext")
    result_title = gettext_lazy("Re-encrypted")
    awaiting = gettext_lazy(
        "The new ciphertext appears here. The plaintext never leaves the service."
    )

    def unavailable(self) -> str:
        """Ask for the key as where the ciphertext moves to."""
        return reason_against(Encrypt, self.glance, self.key)

    def initial(self) -> dict[str, Any]:
        """Begin with pasting, and with moving to this key."""
        return {"format": "text", "DestinationKeyId": self.key_id}

    def parameters(self) -> dict[str, Any]:
        """Nothing: the ciphertext names its key, the form the destination."""
        return {}

    def api(self) -> ApiCall:
        """Return the call that moves a file's ciphertext to this key."""
        return ApiCall(
            "ReEncrypt",
            self.call.region,
            (
                snippets.ciphertext_from_file(),
                snippets.fixed("DestinationKeyId", self.key_id),
            ),
            imports=("from pathlib import Path",),
        )

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return the new ciphertext, and what it was and is made with."""
        return {
            "blob": output["CiphertextBlob"],
            "changed": output["ReEncrypted"],
            "source_key_id": output["SourceKeyId"],
            "source_version": ciphertext.decode(data["CiphertextBlob"]).version,
            "key_id": output["KeyId"],
            "version": ciphertext.decode(output["CiphertextBlob"]).version,
        }


class GenerateDataKeyView(KeyTool):
    """Makes a data key, which the service forgets at once."""

    operation = GenerateDataKey
    form = DataKeyForm
    slug = "generate-data-key"
    button = gettext_lazy("Generate")
    input_title = gettext_lazy("A new data key")
    result_title = gettext_lazy("Data key")
    awaiting = gettext_lazy("The data key appears here, hidden until you ask for it.")

    def initial(self) -> dict[str, Any]:
        """Begin with a data key for AES-256, in the clear."""
        return {"length": "AES_256", "shown": "with", "NumberOfBytes": "64"}

    def api(self) -> ApiCall:
        """Return the call that makes a data key for AES-256."""
        return ApiCall(
            "GenerateDataKey",
            self.call.region,
            (
                snippets.fixed("KeyId", self.key_id),
                snippets.fixed("KeySpec", "AES_256"),
            ),
        )

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return the encrypted data key, and the data key itself where it is wanted."""
        blob = output["CiphertextBlob"]
        shown = self.request.POST.get("shown") != "without"
        plain = secret(output["Plaintext"], as_text=False) if shown else {}
        return plain | {
            "blob": blob,
            "version": ciphertext.decode(blob).version,
            "bytes": _DATA_KEY_BYTES.get(data.get("KeySpec", ""))
            or int(data["NumberOfBytes"]),
        }


class RandomView(Tool):
    """Random bytes of the HSM; needs no key."""

    operation = GenerateRandom
    form = RandomForm
    template = "keys/random.html"
    slug = "generate-random"
    label = gettext_lazy("Generate")
    icon = "dices"
    input_title = gettext_lazy("Random bytes")
    result_title = gettext_lazy("Random bytes")
    awaiting = gettext_lazy("The bytes appear here, hidden until you ask for them.")

    def initial(self) -> dict[str, Any]:
        """Begin with as many as a 256-bit key has."""
        return {"NumberOfBytes": "32"}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return where the form goes."""
        return super().context(form) | {"url": self.request.path}

    def api(self) -> ApiCall:
        """Return the call for 32 bytes."""
        number = snippets.number("NumberOfBytes", "32")
        return ApiCall("GenerateRandom", self.call.region, (number,))

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return the bytes."""
        return secret(output["Plaintext"], as_text=False)


def secret(plain: str, *, as_text: bool = True) -> dict[str, Any]:
    """Return a plaintext (Base64) in the forms that a page offers, and its size."""
    data = base64.b64decode(plain)
    return {
        "size": len(data),
        "base64": plain,
        "text": _text(data) if as_text else None,
        "hex": None if as_text else data.hex(),
    }


def _text(plain: bytes) -> str | None:
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        return None
    # A text field would lose control characters without a word.
    controls = {c for c in text if category(c) == "Cc"} - _SHOWN_CONTROLS
    return None if controls else text
