"""House rules as tests: what a linter can't see."""

import ast
import re
from pathlib import Path

import pytest

from accessctl.models import User
from kmsconsole.operations import Effect, Operation, registry

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("kmsconsole", "keys", "accessctl")
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((ROOT / "static").rglob("*.css"))
MOST_LINES, MOST_FUNCTION_LINES = 400, 60
# A name and the only files that may speak it.
SPOKEN_IN = {
    r"\bimport pkcs11|from pkcs11": {
        f"keys/hsm/token/{module}.py"
        for module in ("calls", "driver", "objects", "pairs")
    },
    r"audit import .*\brecorder\b|audit\.recorder": {"kmsconsole/operations.py"},
    r"datetime\.now\(|timezone\.now\(|time\.time\(": {"kmsconsole/clock.py"},
    r"\bimport secrets|\bos\.urandom|\bimport random\b": {"kmsconsole/randomness.py"},
    r"\.has_perm\(": set(),
    r"is_superuser": {"accessctl/models/identities.py"},
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("pattern", SPOKEN_IN)
def test_one_place_for_each_power(pattern: str) -> None:
    speakers = {name(path) for path in SOURCES if re.search(pattern, path.read_text())}
    assert speakers <= SPOKEN_IN[pattern]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_module_is_named_after_nothing(path: Path) -> None:
    assert path.stem not in {"manager", "helper", "helpers", "utils", "service"}


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_templates_have_nothing_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert "src=" in script or 'type="application/json"' in script


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_raw_colours_stand_in_the_tokens_only(path: Path) -> None:
    if path.name != "tokens.css":
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb\(|hsl\(", path.read_text())


@pytest.mark.parametrize("operation", registry().values(), ids=lambda o: o.__name__)
def test_operations_declare_everything(operation: type[Operation]) -> None:
    assert operation.effect in Effect
    assert operation.__doc__
    assert "execute" not in vars(operation)
    secret = {"plaintext", "password", "ciphertext_blob", "encryption_context"}
    assert not secret & set(operation.audited_fields)
    assert set(operation.audited_fields) <= set(operation.Input.model_fields)
    assert operation.Input.model_config["extra"] == "forbid"


def test_a_superuser_can_not_exist() -> None:
    assert User.is_superuser is False
    assert "is_superuser" not in {field.name for field in User._meta.get_fields()}
