"""The whole life of keys at random, each answer held against the specification.

Real operations on a real HSM and database. One life is one transaction that is rolled
back, so that thousands of them fit into a process; what a crash leaves behind is not
looked at here but by tests/faults/points.py and test_kills.py.
"""

import base64
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from keys import custody
from kmsconsole.errors import KMSError
from kmsconsole.operations import registry
from kmsconsole.principals import Principal
from tests.faults import oracle, rows
from tests.faults.beginnings import (
    BEGINNINGS,
    FOREIGN_ROOT,
    PRODUCTS,
    START,
    SYSTEMS,
    time_is,
    undone,
    wish,
)
from tests.faults.oracle import GONE, KINDS, Key, Sealed
from tests.personas import execute

MATERIALS = (bytes(range(32)), bytes(range(1, 33)))
CONTEXTS = (None, '{"for":"a"}', '{"for":"b"}')
# Moments that decide something lie on both sides of these, and a clock is put back.
JUMPS = (
    *(timedelta(seconds=1), timedelta(minutes=2), timedelta(hours=23)),
    *(timedelta(days=1, seconds=1), timedelta(days=3), timedelta(days=7)),
    *(timedelta(days=8), timedelta(days=31), -timedelta(minutes=10)),
)
BESIDE = (-timedelta(seconds=1), timedelta(), timedelta(seconds=1))
SWITCHES = ("EnableKey", "DisableKey")
ARCHIVING = ("ArchiveKey", "CancelKeyArchive")
ENDING = (
    *("CancelKeyDeletion", "DeleteImportedKeyMaterial", "DisableKeyRotation"),
    "ConfirmKeyDeletion",
)
LOOKING = ("DescribeKey", "ListKeyVersions", "GetKeyRotationStatus", "GetPublicKey")
WITHOUT_PARAMETERS = (*SWITCHES, *ARCHIVING, *ENDING, *LOOKING)
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_PADDING = "RSAES_OAEP_SHA_256"
_which = st.integers(0, 5)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Lifecycle(RuleBasedStateMachine):
    """Keys, a clock and a process that is restarted now and then."""

    # Of all examples: how often each call was made, and which cells of the table met.
    steps: ClassVar[Counter[str]] = Counter()
    met: ClassVar[set[tuple[str, str, str]]] = set()
    words: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.keys: list[Key] = []
        self.told: Counter[tuple[str, str]] = Counter()
        self._stack = ExitStack()
        self._stack.enter_context(undone())
        self._stack.enter_context(time_is(self._read_clock))
        self._before = rows.last_event()

    def _read_clock(self) -> datetime:
        return self.now

    # --- asking -----------------------------------------------------------------------

    def ask(
        self, call: str, expected: str, who: Principal | None = None, **data: Any
    ) -> dict[str, Any] | None:
        """Do it, as root unless told; it must be refused as expected, or not."""
        operation = SYSTEMS.get(call) or registry()[call]
        who = who or self.account.root
        try:
            output: dict[str, Any] | None = execute(operation, who, **data).output
            code = ""
        except KMSError as refusal:
            output, code = None, refusal.code.rpartition(".")[2]
        self.told[call, code] += 1
        self.steps[call] += 1
        self.words.add(code)
        assert code == expected, f"{call}: {code or 'done'}, not {expected or 'done'}"
        return output

    def about(
        self, key: Key, call: str, who: Principal | None = None, **data: Any
    ) -> dict[str, Any] | None:
        """Ask something of a key by its ID, as the specification expects it."""
        expected = key.refusal(call, self.now)
        self.met.add((call, key.state, key.kind))
        output = self.ask(call, expected, who, KeyId=key.id, **data)
        key.notice(call, expected, self.now)
        return None if expected else output

    def key(self, which: int) -> Key:
        return self.keys[which % len(self.keys)]

    def compare(self, key: Key) -> dict[int, rows.Version]:
        """The rows of this key say what they should; returns its versions."""
        seen, versions = rows.of(key.id)
        expected = {name: getattr(key, name) for name in seen}
        assert seen == expected, f"{seen}, not {expected}"
        assert set(versions) == set(key.versions)
        for version in versions.values():
            assert (version.wrapped_material is not None) is key.present
        return versions

    # --- what may happen --------------------------------------------------------------

    @initialize(kind=st.sampled_from(KINDS), other=st.sampled_from(KINDS))
    def begin(self, kind: str, other: str) -> None:
        self.account = BEGINNINGS[kind, other]
        self.keys = [Key(*known, self.now) for known in self.account.keys]

    @rule(kind=st.sampled_from(KINDS), name=st.integers(0, 3))
    def create(self, kind: str, name: int) -> None:
        if kind == oracle.CLOUD:
            self.create_for_a_product(PRODUCTS[name % 2])
            return
        alias = f"key-{name}"
        living = {key.name for key in self.keys if key.state != GONE}
        expected = "AliasAlreadyExists" if alias in living else ""
        answer = self.ask("CreateKey", expected, **wish(kind, alias))
        if answer:
            self.keys.append(Key(answer["KeyId"], kind, alias, self.now))
            self.compare(self.keys[-1])

    def create_for_a_product(self, product: str) -> None:
        answer = self.ask("CreateCloudKey", "", self.account.service, Product=product)
        assert answer is not None
        if answer["KeyId"] not in {key.id for key in self.keys}:
            key = Key(answer["KeyId"], oracle.CLOUD, f"kms-{product}", self.now)
            assert key.name not in {known.name for known in self.keys}
            self.keys.append(key)

    def act(self, which: int, call: str) -> None:
        key = self.key(which)
        if self.about(key, call) is not None:
            key.follow(call, self.now)
            self.compare(key)

    @rule(which=_which, call=st.sampled_from(SWITCHES))
    def switch(self, which: int, call: str) -> None:
        self.act(which, call)

    @rule(which=_which, call=st.sampled_from(ARCHIVING))
    def archive(self, which: int, call: str) -> None:
        self.act(which, call)

    @rule(which=_which, call=st.sampled_from(ENDING))
    def end(self, which: int, call: str) -> None:
        self.act(which, call)

    @rule(which=_which, call=st.sampled_from(LOOKING))
    def look(self, which: int, call: str) -> None:
        self.act(which, call)

    @rule(which=_which)
    def describe(self, which: int) -> None:
        self.about(self.key(which), "UpdateKeyDescription", Description="for orders")

    @rule(which=_which, days=st.sampled_from((7, 8, 30)))
    def schedule(self, which: int, days: int) -> None:
        key = self.key(which)
        # Nobody may delete a key that is in use: the way there is two calls long.
        if key.state == "Enabled":
            self.act(which, "DisableKey")
        answer = self.about(key, "ScheduleKeyDeletion", PendingWindowInDays=days)
        if answer:
            key.follow("ScheduleKeyDeletion", self.now, days)
            assert key.deletion is not None
            assert answer["DeletionDate"] == int(key.deletion.timestamp())
            self.compare(key)

    @rule(which=_which, days=st.sampled_from((7, 30, 365)))
    def rotate_by_itself(self, which: int, days: int) -> None:
        key = self.key(which)
        if self.about(key, "EnableKeyRotation", RotateDays=days) is not None:
            key.follow("EnableKeyRotation", self.now, days)
            self.compare(key)

    @rule(which=_which)
    def rotate(self, which: int) -> None:
        key = self.key(which)
        if self.about(key, "RotateKey"):
            key.follow("RotateKey", self.now)
            self.compare(key)

    @rule(
        which=_which, other=st.booleans(), days=st.sampled_from((None, None, 2, 10, 40))
    )
    def bring_material(self, which: int, other: bool, days: int | None) -> None:
        key = self.key(which)
        wanted = {"WrappingAlgorithm": _PADDING, "WrappingKeySpec": "RSA_2048"}
        given = self.about(key, "GetParametersForImport", **wanted)
        if given is None:
            self.about(
                key,
                "ImportKeyMaterial",
                EncryptedKeyMaterial="YQ==",
                ImportToken="YQ==",
            )
            return
        material = MATERIALS[other]
        public: Any = load_der_public_key(base64.b64decode(given["PublicKey"]))
        until = self.now.replace(microsecond=0) + timedelta(days=days) if days else None
        expected = key.refusal("ImportKeyMaterial", self.now)
        if not expected and key.material not in (None, material):
            expected = "MaterialNotMatch"
        self.ask(
            "ImportKeyMaterial",
            expected,
            KeyId=key.id,
            EncryptedKeyMaterial=base64_of(public.encrypt(material, _OAEP)),
            ImportToken=given["ImportToken"],
            ValidTo=int(until.timestamp()) if until else 0,
        )
        if not expected:
            key.bring(material, self.now, until)
        self.compare(key)

    @rule(which=_which, context=st.sampled_from(CONTEXTS), drawn=st.booleans())
    def encrypt(self, which: int, context: str | None, drawn: bool) -> None:
        key = self.key(which)
        call = "GenerateDataKey" if drawn else "Encrypt"
        more = {"KeySpec": "AES_128"} if drawn else {"Plaintext": "c2VjcmV0"}
        if context:
            more["EncryptionContext"] = context
        answer = self.about(key, call, **more)
        if answer and key.primary is not None:
            plain = answer.get("Plaintext", "c2VjcmV0")
            blob = answer["CiphertextBlob"]
            key.sealed.append(Sealed(blob, plain, context, key.primary))

    @rule(which=_which, seal=_which, context=st.sampled_from(CONTEXTS))
    def decrypt(self, which: int, seal: int, context: str | None) -> None:
        key = self.key(which)
        if key.sealed:
            self.open(key, key.sealed[seal % len(key.sealed)], context)

    def open(self, key: Key, sealed: Sealed, context: str | None) -> None:
        """Decrypt; another context is told apart only where decrypting is possible."""
        expected = key.refusal("Decrypt", self.now)
        if not expected and context != sealed.context:
            expected = "InvalidCiphertext"
        more = {"EncryptionContext": context} if context else {}
        answer = self.ask("Decrypt", expected, CiphertextBlob=sealed.blob, **more)
        key.notice("Decrypt", expected, self.now)
        if answer:
            assert answer == {"KeyId": key.id, "Plaintext": sealed.plain}

    @rule(which=_which)
    def use_pair(self, which: int) -> None:
        key = self.key(which)
        self.about(
            key, "SignByAsymmetricKey", Algorithm="ECC_P256_R1", Message="c2VjcmV0"
        )
        if key.kind != oracle.DECRYPTING:
            return
        public = self.about(key, "GetPublicKey")
        if public:
            half: Any = load_der_public_key(base64.b64decode(public["PublicKey"]))
            sealed = base64_of(half.encrypt(b"secret", _OAEP))
            more = {"Ciphertext": sealed, "Algorithm": _PADDING}
            answer = self.about(key, "AsymmetricRsaDecrypt", **more)
            assert answer == {"KeyId": key.id, "Plaintext": "c2VjcmV0"}

    @rule(which=_which, call=st.sampled_from((*WITHOUT_PARAMETERS, "RotateKey")))
    def be_a_stranger(self, which: int, call: str) -> None:
        """Who is of another account, and who has no right, learn and change nothing."""
        key = self.key(which)
        self.ask(call, "UnauthorizedOperation", self.account.sub, KeyId=key.id)
        self.ask(call, "CmkNotFound", FOREIGN_ROOT, KeyId=key.id)
        self.ask("DestroyKey", "UnauthorizedOperation", KeyId=key.id)

    @rule(by=st.sampled_from(JUMPS))
    def pass_time(self, by: timedelta) -> None:
        self.now += by

    @rule(which=_which, beside=st.sampled_from(BESIDE))
    def meet_its_date(self, which: int, beside: timedelta) -> None:
        """Ask right before, at or right after the moment that changes an answer."""
        key = self.key(which)
        coming = [(at, call) for at, call in key.dates() if at > self.now]
        for at, call in coming[:1]:
            self.now = max(self.now, at + beside)
            who = self.account.service if call in SYSTEMS else self.account.root
            if self.about(key, call, who) is not None:
                key.follow(call, self.now)
            self.compare(key)

    @rule()
    def sweep(self) -> None:
        """Do to each key what may be due; what isn't refuses, however it is asked."""
        for key in self.keys:
            for call in ("RotateDueKey", "HoldKeyDeletion", "DestroyKey"):
                if self.about(key, call, self.account.service) is not None:
                    key.follow(call, self.now)
            self.compare(key)

    @rule(which=_which)
    def miss_a_key(self, which: int) -> None:
        """Use a key, begin its waiting period, and try to use it once more."""
        self.encrypt(which, None, drawn=False)
        self.schedule(which, 7)
        self.encrypt(which, None, drawn=True)

    @rule()
    def restart(self) -> None:
        custody.keyring()._token.close()
        custody.keyring.cache_clear()

    @rule()
    def forget_handles(self) -> None:
        custody.keyring()._handles.discard(lambda _: True)

    # --- at the end -------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if self.keys:
                self.judge()
        finally:
            self._stack.close()

    def judge(self) -> None:
        """Nothing was lost, nothing came back, and everything was recorded once."""
        for key in self.keys:
            for version in self.compare(key).values():
                self.judge_version(key, version)
            for sealed in key.sealed:
                self.open(key, sealed, sealed.context)
        recorded = Counter(
            (operation, code.rpartition(".")[2])
            for operation, code in rows.events_after(self._before)
        )
        assert recorded == self.told, f"{recorded}, not {self.told}"

    @staticmethod
    def judge_version(key: Key, version: rows.Version) -> None:
        """It unwraps to what it was, or nothing of it is left."""
        if version.wrapped_material is not None:
            identity = custody.identity(
                *(version.account_uin, UUID(key.id), version.number, version.spec),
                *(version.usage, version.origin),
            )
            custody.keyring().verify(custody.wrapped(version), identity)
        elif key.state == GONE:
            assert not version.binding
            assert not version.check_value
