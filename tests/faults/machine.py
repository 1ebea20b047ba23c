"""The whole life of keys at random, each answer held against the specification.

Real operations on a real HSM and database. One example is one transaction that is
rolled back, so that thousands of them fit into a process; what a crash leaves behind is
not looked at here but by tests/faults/points.py and kills.py.
"""

import base64
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from unittest import mock

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from keys import custody
from keys.hsm.token import Token
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations import SYSTEM_OPERATIONS
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError
from kmsconsole.operations import registry
from kmsconsole.principals import Kind, Principal
from kmsconsole.schedule import database_time
from tests.faults import oracle
from tests.faults.oracle import GONE, KINDS, Key, Sealed
from tests.personas import ACCOUNT, FOREIGN_ROOT, ROOT, SUB, execute

START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "service", "task")
MATERIALS = (bytes(range(32)), bytes(range(1, 33)))
CONTEXTS = (None, '{"for":"a"}', '{"for":"b"}')
USAGES = {
    oracle.SIGNING: "ASYMMETRIC_SIGN_VERIFY_ECC",
    oracle.DECRYPTING: "ASYMMETRIC_DECRYPT_RSA_2048",
}
PRODUCTS = ("cos", "cbs")
# Moments that decide something lie on both sides of these, and a clock is put back.
JUMPS = (
    *(timedelta(seconds=1), timedelta(minutes=2), timedelta(hours=23)),
    *(timedelta(days=1, seconds=1), timedelta(days=3), timedelta(days=7)),
    *(timedelta(days=8), timedelta(days=31), -timedelta(minutes=10)),
)
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
_SYSTEMS = {operation.__name__: operation for operation in SYSTEM_OPERATIONS}
_which = st.integers(0, 5)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


_generate_apart = Token.generate_apart
_pairs: dict[str, tuple[bytes, bytes]] = {}


def _lend_pair(token: Token, root_id: bytes, spec: Any) -> tuple[bytes, bytes]:
    """Lend an RSA pair that the HSM made once, as each takes it seconds."""
    if spec.name not in _pairs:
        _pairs[spec.name] = _generate_apart(token, root_id, spec)
    return _pairs[spec.name]


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
        block = transaction.atomic()
        # An operation demands to be the outermost transaction, except in a test.
        block._from_testcase = True
        self._stack.enter_context(block)
        self._stack.callback(transaction.set_rollback, rollback=True)
        for module in (clock, database_time):
            self._stack.enter_context(
                mock.patch.object(module, "now", self._read_clock)
            )
        self._stack.enter_context(
            mock.patch.object(Token, "generate_apart", _lend_pair)
        )
        self._before = AuditEvent.objects.count()

    def _read_clock(self) -> datetime:
        return self.now

    # --- asking -----------------------------------------------------------------------

    def ask(
        self, call: str, expected: str, who: Principal = ROOT, **data: Any
    ) -> dict[str, Any] | None:
        """Do it; the answer must be the expected refusal, or none."""
        operation = _SYSTEMS.get(call) or registry()[call]
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
        self, key: Key, call: str, who: Principal = ROOT, **data: Any
    ) -> dict[str, Any] | None:
        """Ask something of a key by its ID, as the specification expects it."""
        expected = key.refusal(call, self.now)
        self.met.add((call, key.state, key.kind))
        output = self.ask(call, expected, who, KeyId=key.id, **data)
        key.notice(call, expected, self.now)
        return None if expected else output

    def key(self, which: int) -> Key:
        return self.keys[which % len(self.keys)]

    def compare(self, key: Key) -> None:
        """The rows of this key say what they should."""
        row = CustomerMasterKey.objects.get(id=key.id)
        seen = {
            "state": row.state,
            "primary": row.primary_version,
            "rotation": row.rotation_enabled,
            "days": row.rotate_days,
            "due": row.next_rotation_at,
            "rotated_at": row.last_rotated_at,
            "valid_to": row.material_valid_to,
            "deletion": row.deletion_date,
        }
        assert seen == {name: getattr(key, name) for name in seen}
        present = dict(
            KeyVersion.objects.filter(key_id=key.id).values_list(
                "number", "wrapped_material"
            )
        )
        assert set(present) == set(key.versions)
        assert all((blob is not None) is key.present for blob in present.values())

    # --- what may happen --------------------------------------------------------------

    @initialize(kind=st.sampled_from(KINDS), other=st.sampled_from(KINDS))
    def begin(self, kind: str, other: str) -> None:
        self.create(kind, 0)
        self.create(other, 1)

    @rule(kind=st.sampled_from(KINDS), name=st.integers(0, 3))
    def create(self, kind: str, name: int) -> None:
        if kind == oracle.CLOUD:
            self.create_for_a_product(PRODUCTS[name % 2])
            return
        alias = f"key-{name}"
        living = {key.name for key in self.keys if key.state != GONE}
        expected = "AliasAlreadyExists" if alias in living else ""
        data: dict[str, Any] = {"Alias": alias}
        if kind in USAGES:
            data["KeyUsage"] = USAGES[kind]
        if kind == oracle.IMPORTED:
            data["Type"] = 2
        answer = self.ask("CreateKey", expected, **data)
        if answer:
            self.keys.append(Key(answer["KeyId"], kind, alias, self.now))
            self.compare(self.keys[-1])

    def create_for_a_product(self, product: str) -> None:
        answer = self.ask("CreateCloudKey", "", SYSTEM, Product=product)
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
        self.ask(call, "UnauthorizedOperation", SUB, KeyId=key.id)
        self.ask(call, "CmkNotFound", FOREIGN_ROOT, KeyId=key.id)
        self.ask("DestroyKey", "UnauthorizedOperation", KeyId=key.id)

    @rule(by=st.sampled_from(JUMPS))
    def pass_time(self, by: timedelta) -> None:
        self.now += by

    @rule()
    def sweep(self) -> None:
        """Do to each key what may be due; what isn't refuses, however it is asked."""
        for key in self.keys:
            for call in ("RotateDueKey", "HoldKeyDeletion", "DestroyKey"):
                if self.about(key, call, SYSTEM) is not None:
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
            self.compare(key)
            for sealed in key.sealed:
                self.open(key, sealed, sealed.context)
            row = CustomerMasterKey.objects.get(id=key.id)
            for version in row.versions.all():
                if version.wrapped_material is not None:
                    custody.keyring().verify(
                        custody.wrapped(version),
                        custody.identity_of(row, version.number, version.spec),
                    )
                elif key.state == GONE:
                    assert not version.binding
                    assert not version.check_value
        events = AuditEvent.objects.order_by("sequence")[self._before :]
        recorded = Counter(
            (operation, code.rpartition(".")[2])
            for operation, code in events.values_list("operation", "error_code")
        )
        assert recorded == self.told
