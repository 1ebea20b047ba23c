"""Texts in the sources and in the catalogue, read without GNU gettext.

`make messages` collects with gettext; the tests look with this, so that neither can
overlook a text unnoticed.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "kmsconsole" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"

# How many of a function's arguments are texts, and whether the first is a context.
_TEXTS = {"gettext": 1, "pgettext": 2, "ngettext": 2, "npgettext": 3}
_LITERAL = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(
    rf"\b(_|gettext|pgettext|ngettext|npgettext)\(\s*({_LITERAL}(?:\s*,\s*{_LITERAL})*)"
)
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]")
# Where translate tags were: neither a word nor the end of one.
_GONE = " "


@dataclass(frozen=True)
class Text:
    """A text to translate: its context, its words, and its words for several."""

    words: str
    context: str = ""
    plural: str = ""


@dataclass
class Entry:
    """A text of the catalogue with its translations."""

    text: Text
    translations: list[str] = field(default_factory=list)
    fuzzy: bool = False


def placeholders(words: str) -> set[str]:
    """Return the placeholders in a text."""
    return set(_PLACEHOLDER.findall(words))


def _text(function: str, texts: list[str]) -> Text:
    context = texts.pop(0) if "p" in function.removeprefix("n")[:1] else ""
    return Text(texts[0], context, texts[1] if len(texts) > 1 else "")


def texts_of_template(source: str) -> Iterator[Text]:
    """Yield what a template has translated."""
    for function, literals in _CALL.findall(templatize(source)):
        words = [ast.literal_eval(each) for each in re.findall(_LITERAL, literals)]
        yield _text("gettext" if function == "_" else function, words)


def texts_of_module(source: str) -> Iterator[Text]:
    """Yield what a module has translated; ValueError where a text is no literal."""
    tree = ast.parse(source)
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == (
            "django.utils.translation"
        ):
            for alias in node.names:
                function = alias.name.removesuffix("_lazy").removesuffix("_noop")
                known[alias.asname or alias.name] = function
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else None
        if isinstance(node.func, ast.Name):
            name = known.get(node.func.id)
        count = _TEXTS.get((name or "").removesuffix("_lazy").removesuffix("_noop"))
        if name and count:
            words = [ast.literal_eval(argument) for argument in node.args[:count]]
            yield _text(name, words)


def entries(source: str) -> dict[Text, Entry]:
    """Read a .po file."""
    found = {}
    for block in re.split(r"\n{2,}", source.strip()):
        parts: dict[str, str] = {}
        keyword = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if not line.startswith('"'):
                keyword, line = line.split(" ", 1)  # noqa: PLW2901 - its text
            parts[keyword] = parts.get(keyword, "") + ast.literal_eval(line)
        if parts.get("msgid"):
            text = Text(
                parts["msgid"], parts.get("msgctxt", ""), parts.get("msgid_plural", "")
            )
            translations = [parts[name] for name in parts if name.startswith("msgstr")]
            fuzzy = bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE))
            found[text] = Entry(text, translations, fuzzy)
    return found


def without_tags(template: str) -> str:
    """Return what of a template is neither tag, variable, comment nor translated."""
    for block in ("comment", "blocktranslate", "blocktrans"):
        template = re.sub(
            rf"{{%-?\s*{block}\b.*?{{%\s*end{block}\s*%}}",
            _GONE,
            template,
            flags=re.DOTALL,
        )
    template = re.sub(r"{% block bodyclass %}.*?{% endblock %}", _GONE, template)
    return re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", _GONE, template, flags=re.DOTALL)


class Visible(HTMLParser):
    """Collects what a page shows as it stands: text, and attributes people read."""

    attributes: ClassVar = {
        *("alt", "aria-description", "aria-label", "aria-placeholder"),
        *("aria-roledescription", "aria-valuetext", "data-copied", "data-failed"),
        *("data-label", "data-over", "label", "placeholder", "title"),
    }
    code: ClassVar = {"script", "style", "code", "pre", "kbd"}

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.read_aloud: list[str] = []
        self._inside: list[str] = []
        self.feed(without_tags(source))
        self.close()

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        if tag in self.code:
            self._inside.append(tag)
        self.read_aloud += [
            value for name, value in attributes if name in self.attributes and value
        ]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.text.append(data)
