"""The API reference and the OpenAPI file are what the operations say."""

import json
import runpy
from typing import Any

import pytest

from tests.surroundings import ROOT

DOCS = ROOT / "docs"
SCRIPT = runpy.run_path(str(DOCS / "reference.py"))


def read() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DOCS / "openapi.json").read_text())
    return document


@pytest.mark.parametrize("file", ["api-reference.md", "openapi.json"])
def test_the_files_are_up_to_date(file: str) -> None:
    wanted = SCRIPT["pages"]()[file]
    hint = "run: .venv/bin/python docs/reference.py"
    assert (DOCS / file).read_text() == wanted, hint


def test_answers_are_documented_for_actions_that_exist() -> None:
    assert set(SCRIPT["ANSWERS"]) <= set(SCRIPT["actions"]())


def test_every_reference_inside_the_document_leads_somewhere() -> None:
    document = read()

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif isinstance(node, dict):
            if "$ref" in node:
                target: Any = document
                for step in node["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
            for part in node.values():
                walk(part)

    walk(document)
    assert len(document["paths"]) >= 73


def test_schemas_describe_what_travels() -> None:
    paths = read()["paths"]

    def schema(action: str) -> dict[str, Any]:
        body = paths[f"/#{action}"]["post"]["requestBody"]
        found: dict[str, Any] = body["content"]["application/json"]["schema"]
        return found

    random = schema("GenerateRandom")
    assert random["required"] == ["NumberOfBytes"]
    size = random["properties"]["NumberOfBytes"]
    assert (size["type"], size["minimum"], size["maximum"]) == ("integer", 1, 1024)
    assert schema("CreateKey")["properties"]["Tags"]["type"] == "array"
    assert schema("DescribeKeys")["properties"]["KeyIds"]["maxItems"] == 100
    assert random["additionalProperties"] is False
