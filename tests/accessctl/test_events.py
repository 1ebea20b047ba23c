"""The account's activity: what is found, who may read it, and what is taken along."""

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accessctl.errors import NoSuchOperation, UnreadableTime
from accessctl.models import User
from accessctl.operations import DescribeEvent, ExportEvents, ListEvents, events
from accessctl.operations.events import recorded
from keys.errors import EventNotFound, InvalidKeyId
from keys.operations import (
    CreateKey,
    DescribeKey,
    DescribeKeyEvent,
    DisableKey,
    Encrypt,
)
from keys.views.happenings import deeds
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import InvalidParameterValue, KMSError, UnauthorizedOperation
from tests.console import signed_in, words
from tests.personas import (
    FOREIGN_ROOT,
    OTHER_REGION,
    ROOT,
    SUB,
    create_key,
    execute,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


def found(principal: Any = ROOT, **asked: Any) -> list[str]:
    listed = execute(ListEvents, principal, **asked).output["Events"]
    return [event.operation for event in listed]


def page(client: Client, query: str = "") -> Any:
    return client.get(f"/activity/?{query}")


def test_every_operation_has_words_in_both_languages() -> None:
    assert set(recorded()) - set(deeds()) == set()
    english = {name: str(label) for name, label in deeds().items()}
    with translation.override("zh-hans"):
        same = [n for n, label in deeds().items() if str(label) == english[n]]
    assert same == []


def test_each_filter_finds_its_own_events() -> None:
    key_id, other = create_key(), create_key("other")
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    execute(DescribeKey, KeyId=key_id)
    with pytest.raises(UnauthorizedOperation):
        execute(DisableKey, SUB, KeyId=other)
    assert found() == ["DisableKey", "Encrypt", "CreateKey", "CreateKey"]
    assert found(What="all")[-2:] == ["CreateKey", "CreateKey"]
    assert "DescribeKey" in found(What="all")
    assert found(What="uses") == ["Encrypt"]
    assert found(What="DisableKey") == ["DisableKey"]
    assert found(What="changes") == ["DisableKey", "CreateKey", "CreateKey"]
    assert found(Actor="AN") == ["DisableKey"]
    assert found(Actor=str(SUB.uin)) == ["DisableKey"]
    assert found(KeyId=other) == ["DisableKey", "CreateKey"]
    assert found(KeyId=other, Until="2999-01-01") == ["DisableKey", "CreateKey"]
    assert found(Outcome="refused") == ["DisableKey"]
    assert found(Source="127.") == found()
    assert found(Source="10.") == []
    assert found(Until="2020-01-01T00:00") == []
    assert found(Since="2020-01-01T00:00Z") == found()
    number = AuditEvent.objects.get(operation="Encrypt").request_id
    assert found(RequestId=number) == ["Encrypt"]


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"Since": "soon"}, UnreadableTime),
        ({"Until": "0001-01-01T00:00+14:00"}, UnreadableTime),
        ({"What": "Nonsense"}, NoSuchOperation),
        ({"KeyId": "x"}, InvalidKeyId),
        ({"Outcome": "x"}, InvalidParameterValue),
        ({"Actor": "a\0b"}, InvalidParameterValue),
        ({"Before": 999_999_999}, EventNotFound),
        ({"RequestId": "x"}, KMSError),
    ],
)
def test_nonsense_is_refused_with_one_message(
    asked: dict[str, Any], refusal: type[KMSError]
) -> None:
    with pytest.raises(refusal):
        found(**asked)


def test_pages_follow_each_other_however_little_one_may_look_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key_id = create_key()
    for _ in range(7):
        execute(DescribeKey, KeyId=key_id)
    execute(DisableKey, KeyId=key_id)
    monkeypatch.setattr(events, "EXAMINED", 3)
    for narrowed in ({}, {"KeyId": key_id}):
        seen: list[int] = []
        before: dict[str, Any] = {}
        for _ in range(20):
            asked = {"Limit": 1, **narrowed, **before}
            output = execute(ListEvents, **asked).output
            seen += [event.sequence for event in output["Events"]]
            if output["Older"] is None:
                break
            before = {"Before": output["Older"]}
        names = AuditEvent.objects.filter(sequence__in=seen).order_by("-sequence")
        assert [event.operation for event in names] == ["DisableKey", "CreateKey"]
        assert seen == sorted(set(seen), reverse=True)


def test_nobody_reads_another_accounts_events() -> None:
    create_key()
    sequence = AuditEvent.objects.earliest("sequence").sequence
    assert found(FOREIGN_ROOT) == []
    for asked in (sequence, 10**9):
        with pytest.raises(EventNotFound):
            execute(DescribeEvent, FOREIGN_ROOT, Sequence=asked)
    for operation, asked in (
        (ListEvents, {}),
        (ExportEvents, {}),
        (DescribeEvent, {"Sequence": sequence}),
    ):
        with pytest.raises(UnauthorizedOperation):
            execute(operation, SUB, **asked)


def test_an_event_of_a_key_is_read_by_the_right_to_that_key(client: Client) -> None:
    key_id, other = create_key(), create_key("other")
    sequence = AuditEvent.objects.get(key_id=key_id).sequence
    event = execute(DescribeKeyEvent, KeyId=key_id, Sequence=sequence).output["Event"]
    assert event.key_id == key_id
    with pytest.raises(EventNotFound):
        execute(DescribeKeyEvent, KeyId=other, Sequence=sequence)
    with pytest.raises(UnauthorizedOperation):
        execute(DescribeKeyEvent, SUB, KeyId=key_id, Sequence=sequence)
    url = reverse("activity_event", args=[sequence]) + f"?key={key_id}"
    listed = client.get(reverse("keys:operation", args=[key_id, "activity"]))
    assert url in listed.content.decode()
    assert client.get(url).status_code == 200


def test_pages_show_events_and_their_details(client: Client) -> None:
    key_id = create_key()
    shown = words(page(client))
    assert "Create key CreateKey" in shown
    sequence = AuditEvent.objects.get(operation="CreateKey").sequence
    details = words(client.get(f"/activity/{sequence}/"))
    for text in ("CreateKey", key_id, "The root user of an account", "Checksum"):
        assert text in details
    assert "Why?" in details
    assert client.get("/activity/99999999/").status_code == 404
    empty = page(client, "who=nobody")
    assert "No event fits" in words(empty)
    assert "Who: nobody" in words(empty)
    bad = page(client, "from=soon")
    assert bad.status_code == 400
    assert "The time can't be read." in words(bad)
    part = client.get("/activity/?what=CreateKey&who=", headers={"HX-Request": "true"})
    assert b"<html" not in part.content
    assert part["HX-Replace-Url"] == "/activity/?what=CreateKey"


def test_who_may_not_read_is_refused_on_every_page(client: Client) -> None:
    root = User.objects.get(is_root=True)
    ann = User.objects.create(uin=SUB.uin, account=root.account, name="ann")
    client.force_login(ann)
    for path in ("/activity/", "/activity/1/", "/activity/export/"):
        answer = client.get(path)
        assert answer.status_code == 403
        assert "You are not allowed to do" in words(answer)


def test_the_export_holds_no_formulas_and_says_when_it_is_cut(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = type(ROOT)(ROOT.kind, ROOT.account_uin, ROOT.uin, "=HYPERLINK(1)", "session")
    for name in ("one", "two", "three"):
        execute(CreateKey, evil, Alias=name)
    answer = client.get("/activity/export/?what=CreateKey")
    assert answer["Content-Disposition"].endswith('.csv"')
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["principal_name"] for row in rows} == {"'=HYPERLINK(1)"}
    assert len(rows) == 3
    monkeypatch.setattr(events, "MOST_EXPORTED", 2)
    cut = b"".join(client.get("/activity/export/?what=CreateKey").streaming_content)
    assert "Not all: events before number" in cut.decode().splitlines()[-1]
    assert client.get("/activity/export/?from=x").status_code == 400


def test_events_of_a_region_without_a_right_stay_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_key()
    create_key("there", region=OTHER_REGION)
    assert found(What="CreateKey") == ["CreateKey", "CreateKey"]
    monkeypatch.setattr(ListEvents, "_may_in", lambda self, region: False)
    assert found(What="CreateKey") == ["CreateKey"]
    there = execute(ListEvents, region=OTHER_REGION, What="CreateKey").output["Events"]
    assert [event.region for event in there] == [OTHER_REGION]
