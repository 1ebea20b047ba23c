import json
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keys.crypto.context import ContextRefused, canonical_context

# json writes lone surrogates as escapes and reads them back; they are no UTF-8.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
contexts = st.dictionaries(texts, texts, max_size=6)


def as_text(context: dict[str, str], **form: object) -> str:
    text = json.dumps(context, **form)  # type: ignore[arg-type]
    assume(len(text) <= 1024)
    return text


@given(contexts, contexts)
def test_two_contexts_are_the_same_bytes_only_if_they_are_the_same_pairs(
    one: dict[str, str], other: dict[str, str]
) -> None:
    same = canonical_context(as_text(one)) == canonical_context(as_text(other))
    assert same == (one == other)


@given(contexts, st.randoms(use_true_random=False))
def test_order_white_space_and_escapes_do_not_count(
    context: dict[str, str], random: object
) -> None:
    members = list(context.items())
    random.shuffle(members)  # type: ignore[attr-defined]
    spread = as_text(dict(members), indent=1, ensure_ascii=False)
    assert canonical_context(spread) == canonical_context(as_text(context))


@given(texts, texts, texts, texts)
def test_bytes_cannot_move_between_name_and_value(
    a: str, b: str, c: str, d: str
) -> None:
    assume((a, b) != (c, d))
    one = canonical_context(as_text({a: b}))
    assert one != canonical_context(as_text({c: d}))


@given(st.text(max_size=200))
def test_any_text_is_a_context_or_refused(text: str) -> None:
    with suppress(ContextRefused):
        assert canonical_context(text) == canonical_context(text + " ")


def test_a_refusal_says_nothing_of_what_was_refused() -> None:
    with pytest.raises(ContextRefused) as caught:
        canonical_context('{"a": "secret", "a": "secret"}')
    assert "secret" not in repr(caught.value)
    with pytest.raises(ContextRefused) as caught:
        canonical_context("secret")
    assert "secret" not in repr(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("text", [None, "", "{}", " { } "])
def test_no_context_is_no_bytes(text: str | None) -> None:
    assert canonical_context(text) == b""


def test_an_empty_member_is_not_no_context() -> None:
    assert canonical_context('{"":""}') == bytes(8)


def test_unicode_is_not_normalised() -> None:
    composed = "\u00e9"
    decomposed = unicodedata.normalize("NFD", composed)
    one = canonical_context(json.dumps({composed: "x"}))
    other = canonical_context(json.dumps({decomposed: "x"}))
    assert one != other
    both = json.dumps({composed: "x", decomposed: "x"})
    assert len(canonical_context(both)) == len(one) + len(other)


def test_members_are_ordered_by_their_utf_8_not_by_utf_16() -> None:
    # U+FF61 sorts after U+1F600 in UTF-16 and before it in UTF-8.
    form = canonical_context(json.dumps({"\U0001f600": "", "\uff61": ""}))
    assert form.index("\uff61".encode()) < form.index("\U0001f600".encode())


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "null",
        "[]",
        '"text"',
        '[["a", "b"]]',
        '{"a": 1}',
        '{"a": true}',
        '{"a": null}',
        '{"a": NaN}',
        '{"a": {}}',
        '{"a": {"b": "c"}}',
        '{"a": []}',
        '{"a": "b"}{}',
        '{"a": "b",}',
        "{'a': 'b'}",
        '{"a": "1", "a": "1"}',
        '{"a": "1", "\\u0061": "2"}',
        '{"a": "\\ud800"}',
        '{"\\udc00": "a"}',
        '{"a": "\ud800"}',
        '\ufeff{"a": "b"}',
        '{"a": "line\nbreak"}',
        '{"a": "' + "x" * 1024 + '"}',
        "[" * 1024,
        '{"a":' * 170,
        '{"a": ' + "9" * 900 + "}",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ContextRefused):
        canonical_context(text)


def test_the_limit_is_1024_characters_not_bytes() -> None:
    text = '{"a":"' + "\u4e2d" * 1016 + '"}'
    assert len(text) == 1024
    assert len(canonical_context(text)) > 1024
    with pytest.raises(ContextRefused):
        canonical_context(text + " ")
