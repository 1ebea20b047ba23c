from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import (  # noqa: TID251 - the attacks go round the module under test
    Attribute,
    GCMParams,
    KeyType,
    Mechanism,
    ObjectClass,
    PKCS11Error,
    _pkcs11,
)
from pkcs11.exceptions import GeneralError  # noqa: TID251

from keys.hsm.errors import BadData, HsmDown, HsmMismatch
from keys.hsm.keyring import HierarchyKind, Keyring, Pin, initialise_hierarchy
from keys.hsm.templates import HIERARCHY, KEY_SPECS
from keys.hsm.token import Handle, Token
from tests.hsm_support import keyring, objects, token_folder

ROOT = HierarchyKind.ROOT
SPEC = KEY_SPECS["AES_256"]


class Hsm:
    """A token with one hierarchy on it."""

    def __init__(self, ring: Keyring, token: Token, pins: list[Pin]) -> None:
        self.ring = ring
        self.token = token
        self.pins = {pin.kind: pin for pin in pins}

    def handle(self, kind: HierarchyKind) -> Handle:
        return self.token.find_object(self.pins[kind].object_id, kind)

    def ring_with(self, *changed: Pin) -> Keyring:
        pins = self.pins | {pin.kind: pin for pin in changed}
        return Keyring(self.token, lambda: list(pins.values()))


@pytest.fixture(scope="module")
def hsm() -> Iterator[Hsm]:
    with keyring() as parts:
        yield Hsm(*parts)


@pytest.fixture
def fresh() -> Iterator[Hsm]:
    with keyring() as parts:
        yield Hsm(*parts)


def test_exactly_the_four_keys_are_in_the_token(hsm: Hsm) -> None:
    labels = sorted(key.label for key in objects(hsm.token, in_token=True))
    # The sealing key is a pair.
    assert labels == [
        "kmsconsole-data-1",
        "kmsconsole-mac-1",
        "kmsconsole-root-1",
        "kmsconsole-seal-1",
        "kmsconsole-seal-1",
    ]


@pytest.mark.parametrize("kind", HierarchyKind)
def test_each_key_is_made_as_the_design_says(hsm: Hsm, kind: HierarchyKind) -> None:
    capabilities = {
        HierarchyKind.ROOT: {"WRAP", "UNWRAP"},
        HierarchyKind.MAC: {"SIGN", "VERIFY"},
        HierarchyKind.SEAL: {"SIGN"},
        HierarchyKind.DATA: {"ENCRYPT", "DECRYPT"},
    }
    every = {"ENCRYPT", "DECRYPT", "WRAP", "UNWRAP", "SIGN", "VERIFY", "DERIVE"}
    found = hsm.token.read_template(
        hsm.handle(kind),
        {"TOKEN", "PRIVATE", "SENSITIVE", "EXTRACTABLE", "MODIFIABLE"} | every,
    )
    assert {name for name in every if found.get(name)} == capabilities[kind]
    assert found["TOKEN"]
    assert found["PRIVATE"]
    assert found["SENSITIVE"]
    assert not found["EXTRACTABLE"]
    assert not found["MODIFIABLE"]


@pytest.mark.parametrize("kind", HierarchyKind)
def test_the_pin_records_what_the_hsm_says(hsm: Hsm, kind: HierarchyKind) -> None:
    recorded = hsm.pins[kind].template
    names = HIERARCHY[kind].proved
    assert {name: recorded[name] for name in names} == dict(names)
    assert hsm.token.read_template(hsm.handle(kind), names) == dict(names)
    assert hsm.pins[kind].accepted_missing == frozenset()


def test_every_pin_names_another_key(hsm: Hsm) -> None:
    assert len({pin.object_id for pin in hsm.pins.values()}) == 4
    assert len({pin.fingerprint for pin in hsm.pins.values()}) == 4
    assert {len(pin.fingerprint) for pin in hsm.pins.values()} == {64}


def test_the_audit_signature_verifies_outside_the_hsm(hsm: Hsm) -> None:
    epoch, signature = hsm.ring.sign_audit(b"checkpoint")
    key = load_der_public_key(hsm.ring.seal_public_key(epoch))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, b"checkpoint", ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"checkpoinu", ec.ECDSA(SHA256()))


# -- attacks by somebody who has the PIN ------------------------------------------


def _forced(handle: Handle) -> Any:
    """Give the key every method, as C code would, whatever its attributes say."""
    mixins = (
        _pkcs11.EncryptMixin,
        _pkcs11.DecryptMixin,
        _pkcs11.SignMixin,
        _pkcs11.WrapMixin,
        _pkcs11.UnwrapMixin,
    )
    extra = tuple(mixin for mixin in mixins if not isinstance(handle.key, mixin))
    return type("Forced", (*extra, type(handle.key)), {})(handle.key.wrapper)


ECB: dict[str, Any] = {"mechanism": Mechanism.AES_ECB}
GCM: dict[str, Any] = {
    "mechanism": Mechanism.AES_GCM,
    "mechanism_param": GCMParams(bytes(12)),
}
KWP: dict[str, Any] = {"mechanism": Mechanism.AES_KEY_WRAP_PAD}
ROOT_ATTACKS: dict[str, Callable[[Any], object]] = {
    "encrypt a block": lambda key: key.encrypt(bytes(16), **ECB),
    "decrypt a block": lambda key: key.decrypt(bytes(16), **ECB),
    "encrypt": lambda key: key.encrypt(bytes(16), **GCM),
    "decrypt": lambda key: key.decrypt(bytes(32), **GCM),
    "sign": lambda key: key.sign(bytes(16), mechanism=Mechanism.AES_CMAC),
    "read it": lambda key: key[Attribute.VALUE],
    "wrap it under itself": lambda key: key.wrap_key(key, **KWP),
    "make it extractable": lambda key: _set(key, Attribute.EXTRACTABLE, value=True),
    "make it readable": lambda key: _set(key, Attribute.SENSITIVE, value=False),
    "let it decrypt": lambda key: _set(key, Attribute.DECRYPT, value=True),
    "let it be modified": lambda key: _set(key, Attribute.MODIFIABLE, value=True),
    "rename it": lambda key: _set(key, Attribute.LABEL, value="mine"),
    "copy it as decrypting": lambda key: key.copy({Attribute.DECRYPT: True}),
    "copy it as modifiable": lambda key: key.copy({Attribute.MODIFIABLE: True}),
    "copy it as extractable": lambda key: key.copy({Attribute.EXTRACTABLE: True}),
}


def _set(key: Any, attribute: Attribute, *, value: object) -> None:
    key[attribute] = value


@pytest.mark.parametrize("attack", ROOT_ATTACKS.values(), ids=ROOT_ATTACKS.keys())
def test_the_root_only_wraps(hsm: Hsm, attack: Callable[[Any], object]) -> None:
    key = _forced(hsm.handle(ROOT))
    with pytest.raises(PKCS11Error):
        attack(key)


@pytest.mark.parametrize("attack", list(ROOT_ATTACKS)[:5])
def test_the_attacks_on_the_root_succeed_on_a_key_that_may(
    hsm: Hsm, attack: str
) -> None:
    key = hsm.token._connection.run(
        lambda session: session.generate_key(KeyType.AES, 256)
    )
    try:
        # Garbage does not decrypt under GCM; that it gets so far is what is shown.
        if attack == "decrypt":
            with pytest.raises(GeneralError):
                ROOT_ATTACKS[attack](key)
        else:
            assert ROOT_ATTACKS[attack](key)
    finally:
        key.destroy()


def _unwrap(root: Any, blob: bytes, **changed: bool) -> Any:
    flags = {**SPEC.unwrapped, **changed}
    template = {Attribute[name]: value for name, value in flags.items()}
    return root.unwrap_key(
        ObjectClass.SECRET_KEY,
        KeyType.AES,
        blob,
        store=flags["TOKEN"],
        capabilities=0,
        template=template,
        **KWP,
    )


def test_no_readable_key_comes_out_of_the_root(hsm: Hsm) -> None:
    root = hsm.handle(ROOT).key
    blob = hsm.ring.generate("AES_256", b"x").blob
    before = len(objects(hsm.token, in_token=False))
    _unwrap(root, blob).destroy()
    for changed in (
        {"SENSITIVE": False},
        {"SENSITIVE": False, "EXTRACTABLE": True},
        {"SENSITIVE": False, "PRIVATE": False},
        {"SENSITIVE": False, "TOKEN": True},
    ):
        with pytest.raises(PKCS11Error):
            _unwrap(root, blob, **changed)
    # The default of python-pkcs11 leaves SENSITIVE out.
    with pytest.raises(PKCS11Error):
        root.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, blob, **KWP)
    assert len(objects(hsm.token, in_token=False)) == before


def test_a_key_unwrapped_for_use_cannot_leave(hsm: Hsm) -> None:
    root = hsm.handle(ROOT)
    handle = hsm.token.unwrap(root, SPEC, hsm.ring.generate("AES_256", b"x").blob)
    assert hsm.token.read_template(handle, SPEC.unwrapped) == dict(SPEC.unwrapped)
    for attack in (
        lambda: handle.key[Attribute.VALUE],
        lambda: root.key.wrap_key(handle.key, **KWP),
        lambda: _set(handle.key, Attribute.SENSITIVE, value=False),
        lambda: _set(handle.key, Attribute.EXTRACTABLE, value=True),
        lambda: _set(handle.key, Attribute.WRAP, value=True),
        lambda: handle.key.copy({Attribute.EXTRACTABLE: True}),
        lambda: handle.key.copy({Attribute.TOKEN: True}),
    ):
        with pytest.raises(PKCS11Error):
            attack()
    hsm.token.destroy(handle)


# -- pins -------------------------------------------------------------------------


def test_the_whole_hierarchy_verifies_twice(hsm: Hsm) -> None:
    before = len(objects(hsm.token, in_token=False))
    hsm.ring_with().verify_hierarchy()
    hsm.ring_with().verify_hierarchy()
    assert len(objects(hsm.token, in_token=False)) == before


@pytest.mark.parametrize("kind", HierarchyKind)
def test_another_key_than_the_pinned_one_is_refused(
    fresh: Hsm, kind: HierarchyKind
) -> None:
    pin = fresh.pins[kind]
    ring = fresh.ring_with(replace(pin, fingerprint="0" * 64))
    # The MAC key proves the token: a wrong one is an HSM that gives wrong answers.
    with pytest.raises(HsmDown if kind is HierarchyKind.MAC else HsmMismatch):
        ring.verify_hierarchy()


@pytest.mark.parametrize("kind", HierarchyKind)
def test_the_fingerprints_of_a_second_hierarchy_differ(
    fresh: Hsm, kind: HierarchyKind
) -> None:
    other = {pin.kind: pin for pin in initialise_hierarchy(fresh.token)}
    borrowed = replace(fresh.pins[kind], object_id=other[kind].object_id)
    with pytest.raises(HsmDown if kind is HierarchyKind.MAC else HsmMismatch):
        fresh.ring_with(borrowed).verify_hierarchy()


@pytest.mark.parametrize("kind", HierarchyKind)
def test_a_recorded_template_that_differs_is_refused(
    hsm: Hsm, kind: HierarchyKind
) -> None:
    pin = hsm.pins[kind]
    for name in HIERARCHY[kind].proved:
        changed = {**pin.template, name: not pin.template[name]}
        with pytest.raises(HsmMismatch):
            hsm.ring_with(replace(pin, template=changed)).verify_hierarchy()
    fewer = {key: value for key, value in pin.template.items() if key != "SENSITIVE"}
    with pytest.raises(HsmMismatch):
        hsm.ring_with(replace(pin, template=fewer)).verify_hierarchy()


@pytest.mark.parametrize("kind", HierarchyKind)
def test_a_key_that_is_there_twice_is_refused(fresh: Hsm, kind: HierarchyKind) -> None:
    fresh.token.create_hierarchy_key(kind, fresh.pins[kind].object_id, "second")
    with pytest.raises(HsmDown if kind is HierarchyKind.MAC else HsmMismatch):
        fresh.ring_with().verify_hierarchy()


def test_a_copy_of_the_root_by_a_pin_holder_is_refused(fresh: Hsm) -> None:
    fresh.handle(ROOT).key.copy({})
    with pytest.raises(HsmMismatch):
        fresh.ring_with().verify_hierarchy()


@pytest.mark.parametrize("kind", HierarchyKind)
def test_a_missing_key_is_down_and_is_not_made_again(
    fresh: Hsm, kind: HierarchyKind
) -> None:
    fresh.token.destroy_object(fresh.pins[kind].object_id)
    before = len(objects(fresh.token, in_token=True))
    ring = fresh.ring_with()
    with pytest.raises(HsmDown):
        ring.verify_hierarchy()
    with pytest.raises(HsmDown):
        ring.generate("AES_256", b"x")
    assert not ring.status().ready
    fresh.token.close()
    assert len(objects(Token(fresh.token._connection._settings), in_token=True)) == (
        before
    )


@pytest.mark.parametrize("kind", HierarchyKind)
def test_incomplete_pins_are_refused(hsm: Hsm, kind: HierarchyKind) -> None:
    pins = [pin for pin in hsm.pins.values() if pin.kind is not kind]
    with pytest.raises(HsmMismatch):
        Keyring(hsm.token, lambda: pins).verify_hierarchy()


def test_two_hierarchies_on_one_token_do_not_mix(fresh: Hsm) -> None:
    other = initialise_hierarchy(fresh.token)
    fresh.ring_with().verify_hierarchy()
    second = Keyring(fresh.token, lambda: other)
    second.verify_hierarchy()
    version = fresh.ring.generate("AES_256", b"x")
    with pytest.raises(BadData):
        second.verify(version, b"x")


class ForgetfulToken(Token):
    """An HSM that takes a template and leaves one protection out of it."""

    forgets = "UNWRAP_TEMPLATE"

    def create_hierarchy_key(
        self,
        kind: HierarchyKind,
        object_id: bytes,
        label: str,
        without: frozenset[str] = frozenset(),
    ) -> Handle:
        return super().create_hierarchy_key(
            kind, object_id, label, without | {self.forgets}
        )


def test_a_protection_the_hsm_lacks_is_refused_by_name_and_nothing_stays() -> None:
    with token_folder() as folder:
        token = ForgetfulToken(folder.settings())
        with pytest.raises(HsmMismatch, match=r"root key: UNWRAP_TEMPLATE$"):
            initialise_hierarchy(token)
        assert objects(token, in_token=True) == []
        with pytest.raises(HsmMismatch):
            initialise_hierarchy(token, frozenset({"SENSITIVE"}))
        assert objects(token, in_token=True) == []
        token.close()


def test_an_accepted_lack_is_recorded_and_holds_for_that_name_only() -> None:
    with token_folder() as folder:
        token = ForgetfulToken(folder.settings())
        accepted = frozenset({"UNWRAP_TEMPLATE", "MODIFIABLE"})
        pins = {pin.kind: pin for pin in initialise_hierarchy(token, accepted)}
        assert pins[ROOT].accepted_missing == {"UNWRAP_TEMPLATE"}
        assert pins[HierarchyKind.DATA].accepted_missing == frozenset()
        assert pins[ROOT].template["UNWRAP_TEMPLATE"] is False
        Keyring(token, lambda: list(pins.values())).verify_hierarchy()
        pins[ROOT] = replace(pins[ROOT], accepted_missing=frozenset({"MODIFIABLE"}))
        with pytest.raises(HsmMismatch, match="UNWRAP_TEMPLATE"):
            Keyring(token, lambda: list(pins.values())).verify_hierarchy()
        token.close()
