"""Parameters on the wire: strict JSON, flattened queries, and their limits."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.api.body import (
    MOST_BODY_BYTES,
    MOST_DEPTH,
    MOST_QUERY_CHARACTERS,
    need_json,
    parse_json,
    parse_query,
    read,
)
from kmsconsole.errors import InvalidParameter, KMSError, RequestTooLarge


class Stream(io.BytesIO):
    """A body in small pieces that remembers how much was taken."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size > 0
        part = super().read(min(size, 50_000))
        self.taken += len(part)
        return part


def code_of(read_it: Callable[[], object]) -> str:
    """Return the code of the refusal, "" where an object was read."""
    try:
        assert isinstance(read_it(), dict)
    except KMSError as refusal:
        return refusal.code
    return ""


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"{}", {}),
        (b' \r\n{"a" : 1}\t', {"a": 1}),
        (b'{"a":"\\u4e2d\\u6587","b":"\xe4\xb8\xad"}', {"a": "中文", "b": "中"}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a":[1,-2,true,false,null,"x",{"b":[]}]}', None),
        (b'{"a":18446744073709551615}', {"a": 2**64 - 1}),
        (b'{"a":1.5}', {"a": 1.5}),
        (nested(MOST_DEPTH), None),
    ],
)
def test_json_objects_are_read(body: bytes, data: Any) -> None:
    assert parse_json(body) == (json.loads(body) if data is None else data)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"{}"',
        b"1",
        b"{",
        b"{}{}",
        b"{} x",
        b"{'a':1}",
        b"{a:1}",
        b'{"a":1,}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":0x10}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":-1e999}',
        b'{"a":100000000000000000000}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\n"}',
        b'{"a":"\x00"}',
        b'{"a":"\\u0000"}',
        b'{"\\u0000":1}',
        b'{"a":"\\x41"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"\\ud800":1}',
        b'{"a":["\\ud800"]}',
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"b":{"a":1,"a":2}}',
        b'{"b":[{"a":1,"a":2}]}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32"),
        b'{"a":"\xff"}',
        b'{"a":"\xc0\x80"}',
        b'{"a":"\xed\xa0\x80"}',
        nested(MOST_DEPTH + 1),
        b'{"a":' + b"[" * MOST_DEPTH + b"]" * MOST_DEPTH + b"}",
        b'{"a":' * 20_000,
        b"[" * 100_000,
        b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
def test_everything_else_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_json(body)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda part: st.lists(part) | st.dictionaries(st.text("abc中"), part),
    max_leaves=6,
)


@given(st.dictionaries(st.text("Abc"), JSON), st.booleans())
def test_what_json_says_is_what_is_read(data: dict[str, Any], ascii_only: bool) -> None:
    body = json.dumps(data, ensure_ascii=ascii_only).encode()
    try:
        assert parse_json(body) == data
    except InvalidParameter:
        assert body.count(b"{") + body.count(b"[") > MOST_DEPTH


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    assert code_of(lambda: parse_json(body)) in {"", "InvalidParameter"}


def test_a_body_is_read_up_to_the_limit() -> None:
    stream = Stream(b"x" * MOST_BODY_BYTES)
    environ = {"CONTENT_LENGTH": str(MOST_BODY_BYTES), "wsgi.input": stream}
    assert len(read(environ)) == MOST_BODY_BYTES
    chunked = {"wsgi.input": Stream(b"x" * MOST_BODY_BYTES)}
    assert len(read(chunked)) == MOST_BODY_BYTES
    assert read({"CONTENT_LENGTH": "0", "wsgi.input": Stream(b"x")}) == b""


def test_a_body_that_breaks_off_is_read_as_it_came() -> None:
    assert read({"CONTENT_LENGTH": "10", "wsgi.input": Stream(b"abc")}) == b"abc"


@pytest.mark.parametrize("declared", [str(MOST_BODY_BYTES + 1), "9" * 30])
def test_a_body_declared_too_long_is_not_read(declared: str) -> None:
    stream = Stream(b"x")
    with pytest.raises(RequestTooLarge):
        read({"CONTENT_LENGTH": declared, "wsgi.input": stream})
    assert stream.taken == 0


def test_a_body_without_length_is_read_one_byte_beyond_the_limit() -> None:
    stream = Stream(b"x" * 10 * MOST_BODY_BYTES)
    with pytest.raises(RequestTooLarge):
        read({"CONTENT_LENGTH": "", "wsgi.input": stream})
    assert stream.taken == MOST_BODY_BYTES + 1


@pytest.mark.parametrize("declared", ["-1", "1.0", "abc", "٣"])
def test_a_length_that_is_no_number_is_refused(declared: str) -> None:
    with pytest.raises(InvalidParameter):
        read({"CONTENT_LENGTH": declared, "wsgi.input": Stream(b"x")})


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        'application/json; charset="utf-8"',
    ],
)
def test_json_may_name_its_charset(content_type: str) -> None:
    need_json(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/json; charset=gbk",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
    ],
)
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(KMSError) as caught:
        need_json(content_type)
    assert caught.value.code == "InvalidParameter"
    assert "application/json" in caught.value.message


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("", {}),
        ("A=1&B=True&C=a+b%2Bc&D=", {"A": "1", "B": "True", "C": "a b+c", "D": ""}),
        ("K.0=a&K.1=b", {"K": ["a", "b"]}),
        ("K.1=b&K.0=a", {"K": ["a", "b"]}),
        (
            "T.0.TagKey=k&T.0.TagValue=v&T.1.TagKey=l&M.Uin=1",
            {
                "T": [{"TagKey": "k", "TagValue": "v"}, {"TagKey": "l"}],
                "M": {"Uin": "1"},
            },
        ),
        ("A=%E4%B8%AD", {"A": "中"}),
        (
            "&".join(f"K.{index}=x" for index in range(101)),
            {"K": ["x"] * 101},
        ),
    ],
)
def test_queries_are_unflattened(query: str, data: dict[str, Any]) -> None:
    assert parse_query(query) == data


@pytest.mark.parametrize(
    "query",
    [
        "A",
        "A=1&",
        "&",
        "=1",
        "A=1&A=1",
        "A=1&%41=2",
        "K.0=a&K.0=b",
        "K.0=a&K.2=b",
        "K.1=a",
        "K.00=a",
        "K.0=a&K.x=b",
        "K.²=a",
        "K.%C2%B2=a",
        "A=1&A.0=2",
        "A.0=2&A=1",
        "A.0=1&A.0.B=2",
        "A.=1",
        ".A=1",
        "A..B=1",
        ".".join(["A"] * (MOST_DEPTH + 1)) + "=1",
        ".".join(["A"] * 15_000) + "=1",
        "A=%FF",
        "A=%C0%80",
        "A=%ED%A0%80",
        "A=%00",
        "A=中",
        "&".join(f"A{index}=1" for index in range(1001)),
    ],
)
def test_queries_with_two_meanings_are_refused(query: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_query(query)


def test_a_query_has_a_limit() -> None:
    with pytest.raises(RequestTooLarge):
        parse_query("A=" + "x" * MOST_QUERY_CHARACTERS)


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_query_breaks_the_reader(query: str) -> None:
    assert code_of(lambda: parse_query(query)) in {"", "InvalidParameter"}


@given(st.lists(st.sampled_from(list("01AB.=&%")), max_size=24).map("".join))
def test_no_arrangement_of_names_breaks_the_reader(query: str) -> None:
    assert code_of(lambda: parse_query(query)) in {"", "InvalidParameter"}
