"""SecretKeys that are kept for a minute: fewer openings, the same answers."""

import pytest

from accessctl import opened
from accessctl.opened import OpenedSecrets
from keys import custody
from keys.hsm.errors import BadData
from kmsconsole import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [1_000.0]
    monkeypatch.setattr(clock, "elapsed", lambda: moment[0])
    return moment


def sealed(secret: str, binding: bytes = b"b") -> tuple[int, bytes, bytes]:
    epoch, blob = custody.keyring().seal_secret(secret.encode(), binding)
    return epoch, blob, binding


def test_a_secret_is_kept_for_its_time_and_then_forgotten(now: list[float]) -> None:
    secrets = OpenedSecrets()
    one = sealed("one")
    assert secrets.open(*one) == "one"
    now[0] += opened.LIFETIME_SECONDS - 1
    assert secrets.open(*one) == "one"
    assert len(secrets) == 1
    now[0] += 1
    assert secrets.open(*sealed("two")) == "two"
    assert len(secrets) == 1


def test_no_more_are_kept_than_allowed(now: list[float]) -> None:
    secrets = OpenedSecrets(most=2)
    for number in range(4):
        assert secrets.open(*sealed(f"secret {number}")) == f"secret {number}"
    assert len(secrets) == 2


def test_what_was_altered_never_opens(now: list[float]) -> None:
    secrets = OpenedSecrets()
    epoch, blob, binding = sealed("one")
    assert secrets.open(epoch, blob, binding) == "one"
    altered = blob[:-1] + bytes([blob[-1] ^ 1])
    for wrong in ((altered, binding), (blob, b"c"), (blob[1:], binding + blob[:1])):
        with pytest.raises(BadData):
            secrets.open(epoch, *wrong)
    assert len(secrets) == 1
