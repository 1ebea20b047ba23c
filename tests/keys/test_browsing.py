"""The list of keys: places, orders, filters, counts, search, and what each costs."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys import search
from keys.errors import CmkNotFound, InvalidKeyId
from keys.models import CustomerMasterKey, KeyCount
from keys.operations import (
    BrowseKeys,
    CancelKeyDeletion,
    ChooseKeys,
    CreateCloudKey,
    CreateKey,
    DisableKey,
    EnableKey,
    ScheduleKeyDeletion,
    TagKey,
    UpdateAlias,
)
from keys.operations.browsing import Page
from keys.states import KeyState
from kmsconsole import clock
from kmsconsole.errors import InvalidParameterValue
from kmsconsole.principals import Kind, Principal
from tests.personas import (
    ACCOUNT,
    FOREIGN_ROOT,
    OTHER_REGION,
    REGION,
    ROOT,
    SUB,
    create_key,
    execute,
)

pytestmark = pytest.mark.django_db

SOME_ID = "0f" * 16

SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "cos", "product")
ORDERS = ("newest", "oldest", "name")


def row(alias: str, created: datetime | None = None, **more: Any) -> CustomerMasterKey:
    """Return a key without material: the list never looks at it."""
    return CustomerMasterKey(
        **{
            "account_uin": ACCOUNT,
            "region": REGION,
            "alias": alias,
            "usage": "ENCRYPT_DECRYPT",
            "origin": "TENCENT_KMS",
            "creator_uin": ACCOUNT,
            "state": KeyState.ENABLED,
            "created_at": created or clock.now(),
        }
        | more
    )


def add(*rows: CustomerMasterKey) -> list[CustomerMasterKey]:
    return CustomerMasterKey.objects.bulk_create(rows)


def browse(principal: Principal = ROOT, region: str = REGION, **asked: Any) -> Page:
    page: Page = execute(BrowseKeys, principal, region=region, **asked).output["Page"]
    return page


def names(page: Page) -> list[str]:
    return [found.alias for found in page.rows]


def walk(**asked: Any) -> Iterator[Page]:
    """Yield every page from the first to the last."""
    page = browse(**asked)
    yield page
    while page.older:
        page = browse(**asked, Older=page.older)
        yield page


@pytest.fixture
def many() -> list[str]:
    """Twenty-three keys, most of them made in the same microsecond as another."""
    begin = clock.now()
    rows = [row(f"K{n:02}", begin + timedelta(seconds=n // 5)) for n in range(23)]
    add(*rows)
    return sorted(key.alias for key in rows)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [1, 4, 23, 50])
def test_paging_visits_every_key_once_there_and_back(
    many: list[str], order: str, limit: int
) -> None:
    there = list(walk(Order=order, Limit=limit))
    visited = [name for page in there for name in names(page)]
    assert sorted(visited) == many
    assert there[0].newer == there[-1].older == ""
    back, page = [there[-1]], there[-1]
    while page.newer:
        page = browse(Order=order, Limit=limit, Newer=page.newer)
        back.insert(0, page)
    # The last page may be short, so that going back cuts the pages elsewhere.
    assert [name for page in back for name in names(page)] == visited
    assert all(page.total == len(many) and not page.more for page in there)


def test_orders_are_what_they_say(many: list[str]) -> None:
    newest = browse(Limit=50).rows
    assert [r.created_at for r in newest] == sorted(
        (r.created_at for r in newest), reverse=True
    )
    assert names(browse(Order="oldest", Limit=50)) == names(browse(Limit=50))[::-1]
    add(row("a-first"), row("B-second"))
    assert names(browse(Order="name", Limit=2)) == ["a-first", "B-second"]


@pytest.mark.parametrize("order", ORDERS)
def test_keys_made_while_somebody_pages_neither_repeat_nor_hide_others(
    many: list[str], order: str
) -> None:
    visited: list[str] = []
    for number, page in enumerate(walk(Order=order, Limit=4)):
        visited += names(page)
        add(row(f"during-{number}", clock.now() + timedelta(days=1)))
        if number > 20:
            break
    assert [name for name in sorted(visited) if name in many] == many
    assert len(visited) == len(set(visited))


def test_tombstones_of_one_name_are_each_visited_once() -> None:
    rows = [row("same", state=KeyState.DESTROYED) for _ in range(5)]
    add(*rows, row("alive"))
    pages = walk(State="Destroyed", Order="name", Limit=2)
    visited = [found.id for page in pages for found in page.rows]
    assert sorted(visited) == sorted(key.id for key in rows)
    assert names(browse()) == ["alive"]


@pytest.mark.parametrize(
    "place",
    [
        "x",
        "1.2",
        "." + SOME_ID,
        "1e9." + SOME_ID,
        "9" * 40 + "." + SOME_ID,
        "ü." + SOME_ID,
        "a\n." + SOME_ID,
        "x" * 200,
    ],
)
@pytest.mark.parametrize("side", ["Older", "Newer"])
def test_a_place_that_never_was_is_one_clear_error(side: str, place: str) -> None:
    with pytest.raises(InvalidParameterValue):
        browse(**{side: place})


def test_filters_narrow_and_combine() -> None:
    add(
        row("plain", origin="EXTERNAL"),
        row("turning", rotation_enabled=True),
        row("off", state=KeyState.DISABLED, rotation_enabled=True),
        row("gone", state=KeyState.DESTROYED),
        row("pair", usage="ASYMMETRIC_DECRYPT_RSA_2048"),
        row("kms-cos", owner="cos"),
    )
    found = {
        "": {"plain", "turning", "off", "pair"},
        "State=Disabled": {"off"},
        "State=Destroyed": {"gone"},
        "State=Archived": set(),
        "Origin=EXTERNAL": {"plain"},
        "Rotation=on": {"turning", "off"},
        "Rotation=off": {"plain", "pair"},
        "Usage=ASYMMETRIC_DECRYPT_RSA_2048": {"pair"},
        "Rotation=on State=Enabled": {"turning"},
        "Role=1": {"kms-cos"},
        "Words=TURN": {"turning"},
        "Words=o State=Disabled": {"off"},
    }
    for asked, expected in found.items():
        filters = dict(pair.split("=") for pair in asked.split())
        page = browse(**filters)
        assert set(names(page)) == expected, asked
        assert (page.total, page.more) == (len(expected), False), asked


def test_tags_are_shown_and_found_by_name_and_by_value() -> None:
    one, two = create_key("one"), create_key("two")
    execute(TagKey, KeyId=one, Tags=[{"TagKey": "team", "TagValue": "a"}])
    tags = [{"TagKey": "team", "TagValue": "b"}, {"TagKey": "app", "TagValue": ""}]
    execute(TagKey, KeyId=two, Tags=tags)
    assert set(names(browse(Tag="team"))) == {"one", "two"}
    assert names(browse(Tag="team", TagValue="b")) == ["two"]
    assert names(browse(Tag="te")) == []
    assert browse(Tag="app").rows[0].tags == [("app", ""), ("team", "b")]


def test_others_see_nothing() -> None:
    create_key("mine")
    create_key("theirs", FOREIGN_ROOT)
    assert names(browse()) == ["mine"]
    assert names(browse(region=OTHER_REGION)) == []
    assert names(browse(FOREIGN_ROOT)) == ["theirs"]
    for words in ("mine", "in"):
        assert names(browse(FOREIGN_ROOT, Words=words)) == []
        assert browse(FOREIGN_ROOT, Words=words).total == 0


def test_a_sub_account_without_grants_is_shown_nothing() -> None:
    create_key("mine")
    assert browse(SUB).rows == []
    assert browse(SUB).total == 0


def test_counts_follow_every_kind_of_change_at_once() -> None:
    def shown() -> dict[str, int]:
        states = {state: browse(State=state).total for state in KeyState.values}
        return {state: number for state, number in states.items() if number}

    one = create_key("one")
    imported = execute(CreateKey, Alias="two", Type=2).output["KeyId"]
    assert shown() == {"Enabled": 1, "PendingImport": 1}
    execute(DisableKey, KeyId=one)
    assert shown() == {"Disabled": 1, "PendingImport": 1}
    execute(EnableKey, KeyId=one)
    execute(ScheduleKeyDeletion, KeyId=imported, PendingWindowInDays=7)
    assert shown() == {"Enabled": 1, "PendingDelete": 1}
    execute(CancelKeyDeletion, KeyId=imported)
    assert shown() == {"Enabled": 1, "PendingImport": 1}
    CustomerMasterKey.objects.filter(id=one).update(state=KeyState.DESTROYED)
    assert shown() == {"PendingImport": 1, "Destroyed": 1}
    assert browse().total == 1
    execute(CreateCloudKey, SYSTEM, Product="cos")
    assert (browse().total, browse(Role=1).total) == (1, 1)
    CustomerMasterKey.objects.filter(id=imported).update(region=OTHER_REGION)
    assert (browse().total, browse(region=OTHER_REGION).total) == (0, 1)
    CustomerMasterKey.objects.filter(id=imported).delete()
    assert browse(region=OTHER_REGION).total == 0
    assert not KeyCount.objects.filter(count__lt=0).exists()


WORDS = (
    "or",
    "ORDERS",
    "rders-0",
    "s-00",
    "_x",
    "x_",
    "%",
    '"',
    "e\u0301",
    "ab",
    "zz",
    "q",
    "-",
    "--",
    "NOT",
    "a b",
    "name:x",
)


@pytest.mark.parametrize("words", WORDS)
def test_the_index_finds_what_a_scan_finds(words: str) -> None:
    aliases = [f"orders-{n:02}" for n in range(30)]
    add(*(row(alias) for alias in [*aliases, "a_x-yz", "ends_zz", "x_NOT_x", "q--q"]))
    keys = CustomerMasterKey.objects.all()
    lower = words.lower()
    scanned = {
        key.alias
        for key in keys
        if lower in key.alias.lower()
        or (lower.replace("-", "") and lower.replace("-", "") in key.id.hex)
    }
    assert {key.alias for key in keys.matching(words)} == scanned


def test_a_key_is_found_by_parts_of_its_id_however_written() -> None:
    wanted, _ = add(
        row("wanted", id=UUID("0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d")), row("x")
    )
    whole = str(wanted.id)
    for words in (
        whole,
        whole.upper(),
        wanted.id.hex,
        whole[5:14],
        "5f-4a6",
        "a2b3c4d",
    ):
        assert names(browse(Words=words)) == ["wanted"], words


def test_search_follows_renaming_and_removal() -> None:
    one = create_key("before")
    assert names(browse(Words="efor")) == ["before"]
    execute(UpdateAlias, KeyId=one, Alias="afterwards")
    assert names(browse(Words="efor")) == []
    assert names(browse(Words="terw")) == ["afterwards"]
    # A name that looks like another key's ID must not take that key along.
    [lookalike] = add(row(UUID(one).hex))
    execute(UpdateAlias, KeyId=one, Alias="again")
    found = names(browse(Words=lookalike.alias[:20]))
    assert sorted(found) == sorted([lookalike.alias, "again"])
    CustomerMasterKey.objects.filter(id=lookalike.id).delete()
    assert names(browse(Words=lookalike.id.hex)) == []
    if connection.vendor == "sqlite":
        left = search.candidates(lookalike.id.hex)
        assert left == search.Candidates([], complete=True)


def test_more_matches_than_are_counted_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_CANDIDATES", 5)
    monkeypatch.setattr("keys.operations.browsing.MOST_COUNTED", 5)
    add(*(row(f"many-{n}") for n in range(8)))
    page = browse(Words="many", Limit=3)
    assert (len(page.rows), page.total, page.more) == (3, 5, True)
    visited = [name for page in walk(Words="many", Limit=3) for name in names(page)]
    assert len(set(visited)) == len(visited) == 8


@pytest.mark.parametrize("asked", [{}, {"State": "Disabled"}, {"Rotation": "on"}])
@pytest.mark.parametrize("order", ORDERS)
def test_very_many_matches_are_paged_like_few(
    monkeypatch: pytest.MonkeyPatch, order: str, asked: dict[str, Any]
) -> None:
    monkeypatch.setattr(search, "MOST_CANDIDATES", 6)
    begin = clock.now()
    rows = [
        row(
            f"many-{n:02}",
            begin + timedelta(microseconds=n // 4),
            state=KeyState.DISABLED if n % 3 else KeyState.ENABLED,
            rotation_enabled=n > 17,
        )
        for n in range(23)
    ]
    add(*rows, *(row(f"other-{n}") for n in range(5)))
    asked = {**asked, "Order": order, "Limit": 4}
    wanted = [name for page in walk(**asked) for name in names(page)]
    found = list(walk(**asked, Words="many"))
    wanted = [name for name in wanted if name.startswith("many")]
    assert [name for page in found for name in names(page)] == wanted
    assert {page.total for page in found} == {len(wanted)}
    page, back = found[-1], names(found[-1])
    while page.newer:
        page = browse(**asked, Words="many", Newer=page.newer)
        back[:0] = names(page)
    assert back == wanted


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the index of SQLite")
def test_the_index_yields_the_newest_first_whatever_happened_to_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = clock.now()
    keys = add(*(row(f"many-{n}", begin + timedelta(n)) for n in (3, 4, 1, 5, 2)))
    CustomerMasterKey.objects.filter(id=keys[0].id).update(alias="many-renamed")
    add(row("many-late", begin - timedelta(1)), row("many-same", begin + timedelta(4)))
    CustomerMasterKey.objects.filter(alias="many-late").update(
        created_at=begin + timedelta(30)
    )
    aged = CustomerMasterKey.objects.order_by("-created_at").values_list("id", "alias")
    wanted = [key_id.hex for key_id, _ in aged]
    monkeypatch.setattr(search, "MOST_CANDIDATES", 4)
    found = search.candidates("many")
    assert found is not None
    assert not found.complete
    # The third and the fourth were made in the same microsecond.
    assert (found.ids[:2], set(found.ids)) == (wanted[:2], set(wanted[:4]))
    start = begin + timedelta(4)
    found = search.candidates("many", newest_first=False, start=start)
    assert found is not None
    assert (set(found.ids), found.complete) == (set(wanted[:4]), True)


@pytest.mark.parametrize(
    "asked",
    [
        {"Rotation": "on"},
        {"Usage": "ENCRYPT_DECRYPT"},
        {"Origin": "TENCENT_KMS", "Rotation": "on"},
        {"Tag": "team"},
        {"Tag": "team", "TagValue": "shop"},
    ],
)
def test_filters_that_match_most_page_like_those_that_match_few(
    monkeypatch: pytest.MonkeyPatch, many: list[str], asked: dict[str, Any]
) -> None:
    CustomerMasterKey.objects.update(rotation_enabled=True)
    for key in CustomerMasterKey.objects.all():
        key.tags.create(name="team", value="shop")
    add(row("else", usage="ASYMMETRIC_DECRYPT_RSA_2048", origin="EXTERNAL"))
    few = list(walk(**asked, Limit=4))
    monkeypatch.setattr("keys.operations.browsing.MOST_COUNTED", 5)
    most = list(walk(**asked, Limit=4))
    assert [names(page) for page in most] == [names(page) for page in few]
    assert sorted(name for page in few for name in names(page)) == many
    assert {(page.total, page.more) for page in few} == {(len(many), False)}
    assert {(page.total, page.more) for page in most} == {(5, True)}


def test_choosing_leaves_out_what_is_not_there() -> None:
    one, theirs = create_key("one"), create_key("two", FOREIGN_ROOT)
    [dead] = add(row("dead", state=KeyState.DESTROYED))
    ids = [theirs, one, str(dead.id), str(uuid4())]
    chosen = execute(ChooseKeys, KeyIds=ids).resources
    assert [str(key.id) for key in chosen] == [one]
    with pytest.raises(CmkNotFound):
        execute(ChooseKeys, KeyIds=[theirs])
    with pytest.raises(InvalidKeyId):
        execute(ChooseKeys, KeyIds=["one"])
    with pytest.raises(InvalidParameterValue):
        execute(ChooseKeys, KeyIds=[str(uuid4()) for _ in range(101)])


# Rows, their tags, the count, and the event; no tags where there are no rows. A search
# asks its index first, and nothing else where that knows none.
PINNED = {
    "": 4,
    "Order=name": 4,
    "State=Enabled": 4,
    "Rotation=on": 4,
    "Tag=team": 2,
    "Role=1": 3,
    "Words=orders": 5,
    "Words=nothing-there": 2,
}


@pytest.mark.parametrize("asked", PINNED)
def test_the_cost_of_a_page_is_pinned(asked: str) -> None:
    add(*(row(f"orders-{n}", rotation_enabled=True) for n in range(30)))
    filters = dict(pair.split("=") for pair in asked.split())
    with CaptureQueriesContext(connection) as statements:
        browse(**filters)
    # Only on SQLite the search index is a table of its own, asked first.
    most = PINNED[asked] + (connection.vendor != "sqlite" and "Words" in asked)
    assert len(statements) <= most, [s["sql"] for s in statements]
    if connection.vendor == "sqlite":
        assert len(statements) == most


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans of SQLite")
@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({}, "keys_newest"),
        ({"Order": "oldest"}, "keys_newest"),
        ({"State": "Disabled"}, "keys_state_newest"),
        ({"Role": 1}, "keys_cloud_newest"),
        ({"Order": "name"}, "keys_by_name"),
        ({"Words": "orders"}, "sqlite_autoindex_keys_customermasterkey_1"),
        ({"Rotation": "on"}, "keys_by_nature"),
        ({"Usage": "ENCRYPT_DECRYPT"}, "keys_by_nature"),
        ({"Origin": "EXTERNAL", "State": "Disabled"}, "keys_by_nature"),
    ],
)
def test_each_page_is_read_through_its_index(asked: dict[str, Any], index: str) -> None:
    add(*(row(f"orders-{n}") for n in range(3)))
    with CaptureQueriesContext(connection) as statements:
        browse(**asked)
    sql = next(s["sql"] for s in statements if '"keys_customermasterkey"' in s["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = [step[3] for step in cursor.fetchall()]
    assert any(index in step for step in plan), plan
