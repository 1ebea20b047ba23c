# ruff: noqa: INP001 - a script, started by path
"""Write docs/errors.md from the error classes: `python docs/errors.py`."""

import inspect
import os
import sys
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")

_INTRODUCTION = """\
Made from the error classes by `docs/errors.py`. Codes never change; texts come in
English, or in Chinese where the request carries `X-TC-Language: zh-CN`, and never
repeat what was sent. A code may stand for several reasons."""
MODULES = (
    "kmsconsole.errors",
    "keys.errors",
    "keys.datakeys.errors",
    "keys.api.errors",
)
# Of the codes the source documents, those no request can get here.
NEVER = {
    "ActionOffline": "no action is ever withdrawn while its version exists",
    "AuthFailure.InvalidSecretId": "a SecretId that nobody has is SecretIdNotFound",
    "AuthFailure.MFAFailure": "API requests carry no second factor",
    "DryRunOperation": "there are no dry runs",
    "FailedOperation": "every failure has a code of its own",
    "FailedOperation.SignError": "a token that can't sign is not available",
    "FailedOperation.TaggingError": "key and tags are stored together",
    "FailedOperation.VerifyError": "a malformed signature is answered with false",
    "InvalidParameterValue.TagsNotExisted": "tags are made by naming them",
    "LimitExceeded": "limits have codes of their own",
    "LimitExceeded.FingerprintsLimitExceeded": "white-box keys don't exist here",
    "LimitExceeded.KeyLimitExceeded": "white-box keys don't exist here",
    "ResourceInUse": "use has a code of its own: CmkUsedByCloudProduct",
    "ResourceInsufficient": "nothing is sold here",
    "ResourceUnavailable": "states have codes of their own",
    "ResourceUnavailable.KeyDisabled": "white-box keys don't exist here",
    "UnsupportedOperation": "what is unsupported has a code of its own",
    "UnsupportedOperation.NotRoleOperation": "there are no roles to assume",
    "UnsupportedOperation.UserVersionNotSupport": "there are no editions",
}


def known() -> dict[str, list[type]]:
    """Return the error classes by code."""
    from kmsconsole.errors import KMSError  # noqa: PLC0415 - after settings

    found: dict[str, list[type]] = {}
    for name in MODULES:
        module = import_module(name)
        for _, error in inspect.getmembers(module, inspect.isclass):
            own = issubclass(error, KMSError) and error.__module__ == name
            if own and hasattr(error, "code"):
                found.setdefault(error.code, []).append(error)
    return found


def page() -> str:
    """Return the list in Markdown."""
    from django.utils import translation  # noqa: PLC0415 - after settings

    lines = [
        "# Error codes",
        "",
        _INTRODUCTION,
        "",
        "| Code | Why | What to do |",
        "| --- | --- | --- |",
    ]
    with translation.override("en"):
        for code, errors in sorted(known().items()):
            for error in sorted(errors, key=lambda each: each.__name__):
                why, mend = (
                    str(text).replace("|", "\\|") for text in (error.why, error.mend)
                )
                lines.append(f"| `{code}` | {why} | {mend} |")
    lines += [
        "",
        "## Codes of the source that don't occur",
        "",
        "| Code | Because |",
        "| --- | --- |",
        *(f"| `{code}` | {why} |" for code, why in sorted(NEVER.items())),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import django

    django.setup()
    (FOLDER / "errors.md").write_text(page())
