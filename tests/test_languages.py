"""Every text of the console exists in Chinese, and no text is beside the catalogue."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from tests import catalogue
from tests.catalogue import PO, ROOT, Entry, Text, Visible, placeholders
from tests.test_architecture import SOURCES, name

TEMPLATES = sorted(
    path
    for path in (ROOT / "templates").rglob("*")
    if path.suffix in {".html", ".txt"} and path.is_file()
)
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
# Names and notations that are the same in every language.
SAME_IN_ALL = {
    *("kmsconsole", "tccli", "Python", "JSON", "Base64", "HSM", "UTC"),
    *("AES-256-GCM", "UTF-8", "SHA-256", "PEM", "openssl", "openssl ·"),
    *("SecretId", "SecretKey"),
    '{"department": "payroll"}',
}
# What a class or a call in this project shows under these names.
SHOWN_NAMES = {
    *("why", "mend", "label", "done", "help_text", "error_messages", "verbose_name"),
    *("verbose_name_plural", "site_header", "site_title", "index_title"),
}
SHOWING_CALLS = re.compile(r"^messages\.\w+$|\bValidationError$")
HAN = re.compile(r"[\u4e00-\u9fff]")
NAMED = re.compile(r"%\(\w+\)s|<.*?>")
# Its tag is itself made by template tags, which no parser of HTML can follow.
UNREADABLE = {"templates/allauth/elements/button.html"}
WORD = re.compile(r"[^\W\d_]")


def written() -> dict[Text, list[str]]:
    found: dict[Text, list[str]] = {}
    for path in TEMPLATES:
        for text in catalogue.texts_of_template(path.read_text()):
            found.setdefault(text, []).append(name(path))
    for path in SOURCES:
        for text in catalogue.texts_of_module(path.read_text()):
            found.setdefault(text, []).append(name(path))
    return found


@pytest.fixture(scope="module")
def entries() -> dict[Text, Entry]:
    return catalogue.entries(PO.read_text())


def test_every_text_has_its_translation(entries: dict[Text, Entry]) -> None:
    texts = written()
    assert len(texts) > 300, "the search for texts finds too few"
    missing = {
        text.words: places
        for text, places in texts.items()
        if text not in entries
        or entries[text].fuzzy
        or not all(entries[text].translations)
    }
    assert not missing, "run `make messages` and translate what is new"


def test_the_catalogue_holds_nothing_that_is_gone(entries: dict[Text, Entry]) -> None:
    assert set(entries) <= set(written()), "run `make messages`"


def test_translations_have_the_placeholders_of_their_texts(
    entries: dict[Text, Entry],
) -> None:
    different = {
        text.words: translated
        for text, entry in entries.items()
        for translated in entry.translations
        if placeholders(translated) != placeholders(text.plural or text.words)
        or sorted(re.findall(r"<[^>]+>", translated))
        != sorted(re.findall(r"<[^>]+>", text.words))
    }
    assert not different


def test_translations_are_chinese(entries: dict[Text, Entry]) -> None:
    """Nothing was left in English, and the punctuation is the one of Chinese."""
    odd = {
        text.words: translated
        for text, entry in entries.items()
        for translated in entry.translations
        if not (HAN.search(translated) or not WORD.search(NAMED.sub("", translated)))
        or re.search(
            r"[\u4e00-\u9fff][,;:?!](?!\d)|[\u4e00-\u9fff]\.(?!\w)", translated
        )
    }
    assert not odd


def test_the_compiled_catalogue_is_the_one_that_is_read() -> None:
    with PO.with_suffix(".mo").open("rb") as file:
        compiled = dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    del compiled[""]
    expected = {}
    for text, entry in catalogue.entries(PO.read_text()).items():
        key = f"{text.context}\x04{text.words}" if text.context else text.words
        if text.plural:
            expected |= {(key, n): t for n, t in enumerate(entry.translations)}
        else:
            expected[key] = entry.translations[0]
    assert compiled == expected, "run `make messages`"


def bare(words: list[str]) -> list[str]:
    found = []
    for each in words:
        rest = each.strip()
        if rest not in SAME_IN_ALL:
            for same in SAME_IN_ALL:
                rest = re.sub(rf"(?<!\w){re.escape(same)}(?!\w)", "", rest)
            rest = re.sub(r"&#?\w+;", "", rest)
            if WORD.search(rest):
                found.append(" ".join(each.split()))
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_templates_show_nothing_untranslated(path: Path) -> None:
    if name(path) in UNREADABLE:
        pytest.skip("can't be read without being rendered")
    page = Visible(path.read_text())
    assert bare(page.text) == []
    assert bare(page.read_aloud) == []


@pytest.mark.parametrize(
    ("template", "text", "read_aloud"),
    [
        ("<p>Hello</p>", ["Hello"], []),
        ('<p>{% translate "Hello" %} there</p>', ["there"], []),
        ("<p>{% blocktranslate %}Hello{% endblocktranslate %}.</p>", [], []),
        ("<p {% if a > b %}hidden{% endif %}>{{ word }}</p>", [], []),
        ('<a title="{% translate \'Go\' %}" aria-label="Go"></a>', [], ["Go"]),
        ('<input placeholder="Name {{ one }}">', [], ["Name"]),
        ("<pre>kms Encrypt</pre><b>你好</b>", ["你好"], []),
    ],
)
def test_the_look_at_templates_sees(
    template: str, text: list[str], read_aloud: list[str]
) -> None:
    page = Visible(template)
    assert bare(page.text) == text
    assert bare(page.read_aloud) == read_aloud


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('{% translate "A" %}', [Text("A")]),
        ('{% translate "A\'s" context "c" %}', [Text("A's", "c")]),
        ('{{ word|default:_("A") }}', [Text("A")]),
        (
            "{% blocktrans count n=n %}{{ n }} A{% plural %}As{% endblocktrans %}",
            [Text("%(n)s A", plural="As")],
        ),
        ("{% comment %}{% translate 'A' %}{% endcomment %}", []),
    ],
)
def test_the_look_at_tags_sees(source: str, texts: list[Text]) -> None:
    assert list(catalogue.texts_of_template(source)) == texts


def shown_values(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        return [node.value] if names & SHOWN_NAMES else []
    if not isinstance(node, ast.Call):
        return []
    shown = [word.value for word in node.keywords if word.arg in SHOWN_NAMES]
    if SHOWING_CALLS.search(ast.unparse(node.func)):
        shown += node.args
    return shown


def shown_literals(source: str) -> list[str]:
    """Return literals that people would see, had they not been translated."""
    values = [
        each for node in ast.walk(ast.parse(source)) for each in shown_values(node)
    ]
    constants = [each.value for each in values if isinstance(each, ast.Constant)]
    return [constant for constant in constants if isinstance(constant, str)]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_show_nothing_untranslated(path: Path) -> None:
    if "management" in path.parts or path.name == "apps.py":
        pytest.skip("commands speak English; an app's label is a name in code")
    assert bare(shown_literals(path.read_text())) == []


def dates_of_one_language(source: str) -> list[str]:
    """Return the formats of dates that no catalogue could change."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        str(argument.value)
        for call in calls
        if re.search(r"\bdate_(?:format|text)$", ast.unparse(call.func))
        for argument in call.args[1:]
        if isinstance(argument, ast.Constant)
    ]


def test_dates_are_written_as_each_language_does() -> None:
    assert dates_of_one_language('date_format(time, "j F Y")') == ["j F Y"]
    assert not dates_of_one_language('date_format(time, pgettext("date", "j F Y"))')
    found = {name(path): dates_of_one_language(path.read_text()) for path in SOURCES}
    assert not {path: formats for path, formats in found.items() if formats}


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_scripts_hold_no_words(path: Path) -> None:
    """What a script says stands in the page, in an attribute or a template."""
    code = re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.MULTILINE)
    code = re.sub(r"\\u[0-9a-f]{4}|\$\{.*?\}", "", code)
    said = r"(?:\.(?:textContent|innerText|title|placeholder|ariaLabel|innerHTML)\s*="
    said += r"|\b(?:setCustomValidity|alert|confirm|prompt)\()\s*[\"'`]([^\"'`]*)"
    assert bare(re.findall(said, code)) == []


# --- the choice -----------------------------------------------------------------------

pages = pytest.mark.django_db


def choose(client: Client, language: str, next_: str = "/login/") -> str:
    data = {"language": language, "next": next_}
    answer = client.post("/preferences/language/", data)
    assert answer.status_code == 302
    return answer["Location"]


@pages
def test_the_browser_s_language_is_the_first_one(client: Client) -> None:
    for asked, told in {"zh-CN,zh;q=0.9": "zh-Hans", "de": "en", "": "en"}.items():
        answer = client.get("/login/", headers={"accept-language": asked})
        assert f'<html lang="{told}"' in answer.text, asked
        assert ("登录" in answer.text) == (told == "zh-Hans")


@pages
def test_the_choice_goes_before_the_browser_s_language(client: Client) -> None:
    assert choose(client, "zh-hans", "/login/?account=1") == "/login/?account=1"
    cookie = client.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")
    answer = client.get("/login/", headers={"accept-language": "en"})
    assert '<html lang="zh-Hans"' in answer.text
    assert "Sign in" not in answer.text
    choose(client, "en")
    answer = client.get("/login/", headers={"accept-language": "zh-CN"})
    assert '<html lang="en"' in answer.text


@pages
@pytest.mark.parametrize("language", ["", "de", "zh", "../etc", "zh-hans\r\nX: y"])
def test_a_language_that_does_not_exist_changes_nothing(
    client: Client, language: str
) -> None:
    choose(client, language)
    assert settings.LANGUAGE_COOKIE_NAME not in client.cookies


@pages
@pytest.mark.parametrize(
    "target",
    [
        *("https://evil.example/", "//evil.example", "/\\evil.example"),
        *("javascript:alert(1)", "http:///evil.example", ""),
    ],
)
def test_the_way_back_leads_nowhere_else(client: Client, target: str) -> None:
    assert choose(client, "zh-hans", target) == "/keys/"


@pages
def test_the_choice_needs_its_token_and_a_post() -> None:
    client = Client(enforce_csrf_checks=True)
    path = "/preferences/language/"
    assert client.post(path, {"language": "zh-hans"}).status_code == 403
    assert client.get(path).status_code == 405


@pages
def test_the_next_page_of_the_thread_is_not_in_the_language_of_the_last(
    client: Client,
) -> None:
    choose(client, "zh-hans")
    assert "登录" in client.get("/login/").text
    assert "Sign in" in Client().get("/login/").text
    translation.activate("en")


def test_texts_of_the_libraries_on_our_pages_are_chinese() -> None:
    with translation.override("zh-hans"):
        for text in (
            *("Current Password", "New Password", "New Password (again)", "Code"),
            *("Incorrect code.", "Incorrect password.", "Add Security Key"),
            "Too many failed login attempts. Try again later.",
            "This field is required.",
            "This password is too common.",
        ):
            assert HAN.search(translation.gettext(text)), text


def test_a_sub_account_is_not_called_a_user() -> None:
    """One word for one thing; which ones, docs/languages.md says."""
    fine = re.compile(r"[Rr]oot user|[Uu]ser name|[Kk]ey user|key-user|%\(\w+\)s")
    found = {
        text.words: places
        for text, places in written().items()
        if re.search(r"\b[Uu]sers?\b", fine.sub("", text.words))
    }
    assert not found
