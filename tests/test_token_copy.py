"""The copy of SoftHSM's own file mends just the token it was taken of."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings

from kmsconsole import softhsm

# The token that is copied is made beside the test database.
pytestmark = pytest.mark.django_db


class Home:
    """A data folder with a copy of the token that the tests run on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(settings.KMS_HOME / "tokens", folder / "tokens")
        (self.own,) = (folder / "tokens").glob("*/token.object")
        self.kept = folder / "token.object.kept"
        self.whole = self.own.read_bytes()

    def mends(self) -> bool:
        return softhsm.mend_token_object(self.folder)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(softhsm, "_WRITING_SECONDS", 0.001)
    home = Home(tmp_path)
    softhsm.keep_token_object(home.folder)
    return home


@pytest.mark.parametrize("damage", ["empty", "cut", "zeros", "a byte short"])
def test_a_damaged_file_becomes_what_was_kept(home: Home, damage: str) -> None:
    left = {
        "empty": b"",
        "cut": home.whole[:100],
        "zeros": bytes(len(home.whole)),
        "a byte short": home.whole[:-1],
    }
    home.own.write_bytes(left[damage])
    assert home.mends()
    assert home.own.read_bytes() == home.whole
    assert home.own.stat().st_mode & 0o777 == 0o600
    assert not home.mends()


def test_a_whole_file_stays_whatever_was_kept(home: Home) -> None:
    changed = home.whole[:-1] + bytes([home.whole[-1] ^ 1])
    home.own.write_bytes(changed)
    assert not home.mends()
    assert home.own.read_bytes() == changed
    softhsm.keep_token_object(home.folder)
    home.own.write_bytes(b"")
    assert home.mends()
    assert home.own.read_bytes() == changed


@pytest.mark.parametrize("at", [0, 40, 80, 400, -1])
def test_a_copy_that_was_changed_mends_nothing(home: Home, at: int) -> None:
    copy = bytearray(home.kept.read_bytes())
    copy[at] ^= 1
    home.kept.write_bytes(copy)
    home.own.write_bytes(b"")
    assert not home.mends()
    assert home.own.read_bytes() == b""


def test_a_copy_that_was_cut_off_mends_nothing(home: Home) -> None:
    copy = home.kept.read_bytes()
    home.own.write_bytes(b"")
    for length in (0, 10, 36, 37, 101, 102, len(copy) - 1):
        home.kept.write_bytes(copy[:length])
        assert not home.mends(), length
    home.kept.unlink()
    assert not home.mends()
    assert home.own.read_bytes() == b""


def test_the_copy_of_another_token_mends_nothing(home: Home) -> None:
    other = home.own.parent.with_name("00000000-1111-2222-3333-444444444444")
    home.own.parent.rename(other)
    (other / "token.object").write_bytes(b"")
    assert not home.mends()
    assert (other / "token.object").read_bytes() == b""


def test_beside_another_token_only_its_own_is_mended(home: Home) -> None:
    other = home.own.parent.with_name("00000000-1111-2222-3333-444444444444")
    other.mkdir()
    (other / "token.object").write_bytes(b"")
    home.own.write_bytes(b"")
    assert home.mends()
    assert home.own.read_bytes() == home.whole
    assert (other / "token.object").read_bytes() == b""


@pytest.mark.parametrize("damage", ["empty", "zeros", "another's"])
def test_no_copy_is_taken_of_a_file_that_does_not_name_its_token(
    home: Home, damage: str
) -> None:
    before = home.kept.read_bytes()
    serial = home.own.parent.name.replace("-", "")[-16:].encode()
    left = {
        "empty": b"",
        "zeros": bytes(len(home.whole)),
        "another's": home.whole.replace(serial, b"0" * 16),
    }
    home.own.write_bytes(left[damage])
    softhsm.keep_token_object(home.folder)
    assert home.kept.read_bytes() == before
    assert home.mends()
    assert home.own.read_bytes() == home.whole


def test_the_copy_of_earlier_versions_goes(home: Home) -> None:
    (home.folder / "token.object").write_bytes(home.whole)
    softhsm.keep_token_object(home.folder)
    found = sorted(path.name for path in home.folder.glob("token*"))
    assert found == ["token.object.kept", "tokens"]
