# ruff: noqa: INP001 - a script, started by path
"""Write docs/api-reference.md and docs/openapi.json: `python docs/reference.py`.

Parameters, rights and states come from the operations themselves. What they answer
stands below; a test runs every one of them and compares.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")

VERSION = "2019-01-18"
_TAGGED = "TagCode:integer TagMsg:string"
# Field and JSON type; actions that aren't named answer with the RequestId alone.
ANSWERS = {
    "Encrypt": "CiphertextBlob:string KeyId:string",
    "Decrypt": "KeyId:string Plaintext:string",
    "ReEncrypt": "CiphertextBlob:string KeyId:string SourceKeyId:string "
    "ReEncrypted:boolean",
    "GenerateDataKey": "KeyId:string Plaintext:string CiphertextBlob:string",
    "GenerateRandom": "Plaintext:string",
    "GetRegions": "Regions:array",
    "ListAlgorithms": "SymmetricAlgorithms:array AsymmetricAlgorithms:array "
    "AsymmetricSignVerifyAlgorithms:array",
    "GetServiceStatus": "ServiceEnabled:boolean InvalidType:integer UserLevel:integer "
    "ProExpireTime:integer ProRenewFlag:integer ProResourceId:string "
    "ExclusiveVSMEnabled:boolean ExclusiveHSMEnabled:boolean SubscriptionInfo:string "
    "CmkUserCount:integer CmkLimit:integer ExclusiveHSMList:array "
    "IsAllowedDataKeyHosted:boolean DataKeyLimit:integer FreeDataKeyLimit:integer "
    "DataKeyUsedCount:integer SyncTaskList:array IsAllowedSync:boolean "
    "MultiAccountLimit:integer MultiAccountUsedCount:integer",
    "ListKeys": "Keys:array TotalCount:integer",
    "ListKeyDetail": "KeyMetadatas:array TotalCount:integer",
    "DescribeKey": "KeyMetadata:object",
    "DescribeKeys": "KeyMetadatas:array",
    "GetKeyRotationStatus": "KeyRotationEnabled:boolean",
    "RotateKey": "TaskId:string",
    "ScheduleKeyDeletion": "DeletionDate:integer KeyId:string",
    "CancelKeyDeletion": "KeyId:string",
    "CreateKey": "KeyId:string Alias:string CreateTime:integer Description:string "
    f"KeyState:string KeyUsage:string {_TAGGED} HsmClusterId:string",
    "GetPublicKey": "KeyId:string PublicKey:string PublicKeyPem:string",
    "SignByAsymmetricKey": "Signature:string",
    "VerifyByAsymmetricKey": "SignatureValid:boolean",
    "AsymmetricRsaDecrypt": "KeyId:string Plaintext:string",
    "GetParametersForImport": "KeyId:string ImportToken:string PublicKey:string "
    "ParametersValidTo:integer",
    "ImportDataKey": f"KeyId:string DataKeyId:string {_TAGGED}",
    "ListDataKeys": "DataKeys:array TotalCount:integer",
    "ListDataKeyDetail": "DataKeyMetadatas:array TotalCount:integer",
    "DescribeDataKey": "DataKeyMetadata:object",
    "DescribeDataKeys": "DataKeyMetadatas:array",
    "GetDataKeyPlaintext": "Plaintext:string",
    "GetDataKeyCiphertextBlob": "CiphertextBlob:string",
    "ScheduleDataKeyDeletion": "DeletionDate:integer DataKeyId:string",
    "CancelDataKeyDeletion": "DataKeyId:string",
    "DescribeWhiteBoxServiceStatus": "ServiceEnabled:boolean",
}
# With IsHostedByKms; without it GenerateDataKey answers as above.
HOSTED = f"DataKeyId:string {_TAGGED}"
_WHOSE = {
    "key": "a right on the key or on the account",
    "account": "a right on the account",
    "listing": "everybody; the answer holds what they may see",
    "caller": "everybody",
}
_LIMITS = {"ge": "minimum", "le": "maximum"}
_INTRODUCTION = """\
Made from the operations by `docs/reference.py`; as OpenAPI in
[openapi.json](openapi.json). How requests are signed, in which order they are checked
and what is special here stands in [api.md](api.md), every error code in
[errors.md](errors.md), what states allow in [states.md](states.md). Every answer has a
`RequestId` as well."""
_HEADERS = ("X-TC-Action", "X-TC-Version", "X-TC-Timestamp", "Authorization")


def answer(action: str) -> dict[str, str]:
    """Return the fields of an answer and their JSON types."""
    return dict(field.split(":") for field in ANSWERS.get(action, "").split())


def actions() -> dict[str, Any]:
    """Return every operation that the API offers, by name."""
    from kmsconsole.operations import registry  # noqa: PLC0415 - after settings

    return {name: each for name, each in sorted(registry().items()) if each.api}


def schema(operation: Any) -> dict[str, Any]:
    """Return the parameters as JSON Schema, as they travel."""
    made = operation.Input.model_json_schema(by_alias=True, mode="validation")
    made.pop("description", None)
    plain: dict[str, Any] = _plain(made)
    return plain


def _plain(node: Any) -> Any:
    """Leave out titles and nulls, and name limits as JSON Schema does."""
    if isinstance(node, list):
        return [_plain(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node:
        known = [part for part in node["anyOf"] if part.get("type") != "null"]
        rest = {name: value for name, value in node.items() if name != "anyOf"}
        # An empty text is taken for none; it need not be written down.
        known = [part for part in known if part.get("const") != ""]
        if len(known) == 1:
            return _plain(known[0] | rest)
    return {
        _LIMITS.get(name, name): _plain(value)
        for name, value in node.items()
        if name not in ("title", "default") or isinstance(value, dict)
    }


def _path(name: str, operation: Any) -> dict[str, Any]:
    fields = {"RequestId": "string"} | answer(name)
    if name == "GenerateDataKey":
        fields |= dict(field.split(":") for field in HOSTED.split())
    shapes = {
        field: {"type": kind} | ({"items": {}} if kind == "array" else {})
        for field, kind in fields.items()
    }
    told = {"type": "object", "properties": shapes}
    either = {"oneOf": [told, {"$ref": "#/components/schemas/Refusal"}]}
    content = {"type": "object", "properties": {"Response": either}}
    return {
        "post": {
            "operationId": name,
            "summary": _summary(operation),
            "description": f"Needs {_WHOSE[operation.scope]}.",
            "parameters": [
                {"$ref": f"#/components/parameters/{header}"} for header in _HEADERS
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema(operation)}},
            },
            "responses": {
                "200": {
                    "description": "The answer, or what refused the request.",
                    "content": {"application/json": {"schema": content}},
                }
            },
        }
    }


def _summary(operation: Any) -> str:
    text: str = operation.__doc__.split("\n\n")[0]
    return " ".join(text.split())


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document; one path an action, as all share one address."""
    text = {"type": "string"}
    error = {"type": "object", "properties": {"Code": text, "Message": text}}
    refusal = {"type": "object", "properties": {"Error": error, "RequestId": text}}
    headers = {
        name: {"name": name, "in": "header", "required": True, "schema": text}
        for name in _HEADERS
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kmsconsole",
            "version": VERSION,
            "description": "Every request is POST / (or GET / with flattened "
            "parameters); X-TC-Action says which action. What follows # in a path is "
            "never sent.",
        },
        "paths": {f"/#{name}": _path(name, each) for name, each in actions().items()},
        "components": {"parameters": headers, "schemas": {"Refusal": refusal}},
    }


def reference() -> str:
    """Return the reference in Markdown."""
    parts = [
        "# API reference",
        _INTRODUCTION,
    ]
    for name, operation in actions().items():
        parts += [f"## {name}", f"{_summary(operation)}  ", f"Needs {_needs(name)}."]
        made = schema(operation)
        if made.get("properties"):
            parts.append(_parameters(made))
        fields = ", ".join(f"`{field}`" for field in answer(name))
        if name == "GenerateDataKey":
            hosted = ", ".join(f"`{f.split(':')[0]}`" for f in HOSTED.split())
            fields += f"; with IsHostedByKms also {hosted}"
        if fields:
            parts.append(f"Answers {fields}.")
    return "\n\n".join(parts).replace("  \n\nNeeds", "  \nNeeds") + "\n"


def _needs(name: str) -> str:
    operation = actions()[name]
    whose: str = _WHOSE[operation.scope]
    right = operation.needs()
    return whose if right == name else f"{whose} ({right})"


def _parameters(made: dict[str, Any]) -> str:
    required = made.get("required", [])
    lines = ["| Parameter | Type | |", "| --- | --- | --- |"]
    for field, shape in made["properties"].items():
        need = "required" if field in required else ""
        lines.append(f"| `{field}` | {_type(shape)} | {need} |")
    return "\n".join(lines)


def _type(shape: dict[str, Any]) -> str:
    words = [shape.get("format") or shape.get("type", "value")]
    if shape.get("type") == "array":
        words = [f"list of {_type(shape.get('items', {}))}"]
    if "enum" in shape:
        words = [", ".join(f"`{value}`" for value in shape["enum"] if value != "")]
    if "minimum" in shape or "maximum" in shape:
        low, high = shape.get("minimum", ""), shape.get("maximum", "")
        words.append(f"{low} to {high}" if high != "" else f"from {low}")
    if "maxLength" in shape:
        words.append(f"up to {shape['maxLength']} characters")
    if "maxItems" in shape:
        words.append(f"up to {shape['maxItems']}")
    return ", ".join(map(str, words))


def pages() -> dict[str, str]:
    """Return both files by name."""
    return {
        "api-reference.md": reference(),
        "openapi.json": json.dumps(openapi(), indent=1, ensure_ascii=False) + "\n",
    }


if __name__ == "__main__":
    import django

    django.setup()
    for file, content in pages().items():
        (FOLDER / file).write_text(content)
