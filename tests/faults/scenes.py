"""One scene for each family of operations: what there is before, what is then done.

`before` makes what is needed and returns it; `act` is what is disturbed; `again` is
done afterwards, undisturbed, and must end where `act` would have. Each runs in a
process of its own, so what they hand on is plain data.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from keys.models import CustomerMasterKey
from kmsconsole import clock, randomness
from kmsconsole.errors import KMSError
from kmsconsole.schedule.models import SweepRun
from tests.faults.actor import PLAIN, Actor, days_ago
from tests.faults.machine import base64_of

State = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """See the module; `done` says whether everything is as it should be in the end."""

    before: Callable[[Actor], State]
    act: Callable[[Actor, State], object]
    again: Callable[[Actor, State], object]
    done: Callable[[State], bool]


def _row(state: State) -> CustomerMasterKey:
    return CustomerMasterKey.objects.get(id=state["key"])


def _in(wanted: str) -> Callable[[State], bool]:
    return lambda state: _row(state).state == wanted


def _call(name: str, **more: Any) -> Callable[[Actor, State], object]:
    return lambda actor, state: actor.do(name, KeyId=state["key"], **more)


def _unless(code: str, *, call: str, **more: Any) -> Callable[[Actor, State], object]:
    """Do it again; that it was done already is the only refusal there may be."""

    def again(actor: Actor, state: State) -> None:
        try:
            actor.do(call, **{"KeyId": state["key"], **more})
        except KMSError as refusal:
            if refusal.code.rpartition(".")[2] != code:
                raise

    return again


def _key(actor: Actor) -> State:
    return {"key": actor.key()}


def _used(actor: Actor) -> State:
    key_id = actor.key()
    return {"key": key_id, "blob": actor.encrypt(key_id)}


def _disabled(actor: Actor) -> State:
    state = _used(actor)
    actor.do("DisableKey", KeyId=state["key"])
    return state


def _pending(actor: Actor) -> State:
    state = _disabled(actor)
    actor.do("ScheduleKeyDeletion", KeyId=state["key"], PendingWindowInDays=7)
    return state


def _rotating(actor: Actor) -> State:
    state = _used(actor)
    actor.do("EnableKeyRotation", KeyId=state["key"], RotateDays=30)
    return state


def _waiting(actor: Actor) -> State:
    key_id = actor.key(Type=2)
    # Of its own: wrapping the same material again gives the same bytes.
    return {
        "key": key_id,
        "wrapped": actor.parameters(key_id, randomness.token_bytes(32)),
    }


def _imported(actor: Actor) -> State:
    state = _waiting(actor)
    actor.do("ImportKeyMaterial", **state["wrapped"])
    return state


def _create(usage: str) -> Scene:
    def act(actor: Actor, state: State) -> None:
        made = actor.do("CreateKey", Alias=state["alias"], KeyUsage=usage)
        actor.note_material(made["KeyId"])

    def again(actor: Actor, state: State) -> None:
        try:
            act(actor, state)
        except KMSError as refusal:
            if refusal.code.rpartition(".")[2] != "AliasAlreadyExists":
                raise

    def done(state: State) -> bool:
        return CustomerMasterKey.objects.filter(alias=state["alias"]).count() == 1

    def before(actor: Actor) -> State:
        key_id = actor.key()
        return {"key": key_id, "alias": f"n-{key_id[:18]}"}

    return Scene(before, act, again, done)


def _due_deletion(actor: Actor) -> State:
    return {"key": actor.due_for_deletion()}


def _due_rotation(actor: Actor) -> State:
    return {"key": actor.due_for_rotation()}


def _expired(actor: Actor) -> State:
    with days_ago(3):
        state = _waiting(actor)
        end = int((clock.now() + timedelta(days=2)).timestamp())
        actor.do("ImportKeyMaterial", **state["wrapped"], ValidTo=end)
    actor.note_material(state["key"])
    return state


def _sweep(name: str) -> Callable[[Actor, State], object]:
    return lambda actor, state: actor.sweep(name)


def _swept(name: str) -> Callable[[Actor, State], object]:
    def again(actor: Actor, state: State) -> None:
        # A sweep that can't wipe the files yet does so when it runs again.
        for _ in range(6):
            tally = actor.sweep(name)
            assert not tally["failed"], tally
            if not SweepRun.objects.get(name=name).unfinished:
                return
            time.sleep(0.5)
        message = f"{name} never wiped the files"
        raise AssertionError(message)

    return again


def _both(*acts: Callable[[Actor, State], object]) -> Callable[[Actor, State], None]:
    def act(actor: Actor, state: State) -> None:
        for one in acts:
            one(actor, state)

    return act


def _decrypt(actor: Actor, state: State) -> None:
    plain = actor.do("Decrypt", CiphertextBlob=state["blob"])["Plaintext"]
    assert plain == base64_of(PLAIN)


def _publish(actor: Actor, state: State) -> None:
    from kmsconsole import celery  # noqa: PLC0415 - chooses the broker
    from kmsconsole.schedule.tasks import sweep  # noqa: PLC0415

    assert celery.app.conf.broker_transport
    sweep.apply_async(args=("rotation",))


def _read_messages(state: State) -> bool:
    messages = list(Path(settings.KMS_HOME / "broker").glob("*.msg"))
    return all(json.loads(message.read_text()) for message in messages)


def _versions(number: int) -> Callable[[State], bool]:
    return lambda state: _row(state).versions.count() == number


_SIGN = {"Algorithm": "ECC_P256_R1", "Message": base64_of(PLAIN)}
SCENES: dict[str, Scene] = {
    "create": _create("ENCRYPT_DECRYPT"),
    "create a pair": _create("ASYMMETRIC_SIGN_VERIFY_ECC"),
    "encrypt": Scene(
        _key,
        lambda actor, state: actor.encrypt(state["key"]),
        lambda actor, state: actor.encrypt(state["key"]),
        _in("Enabled"),
    ),
    "decrypt": Scene(_used, _decrypt, _decrypt, _in("Enabled")),
    "data key": Scene(
        _key,
        _call("GenerateDataKey", KeySpec="AES_256"),
        _call("GenerateDataKey", KeySpec="AES_256"),
        _in("Enabled"),
    ),
    "sign": Scene(
        lambda actor: {"key": actor.key(KeyUsage="ASYMMETRIC_SIGN_VERIFY_ECC")},
        _call("SignByAsymmetricKey", **_SIGN),
        _call("SignByAsymmetricKey", **_SIGN),
        _in("Enabled"),
    ),
    "disable": Scene(_used, _call("DisableKey"), _call("DisableKey"), _in("Disabled")),
    "rotate": Scene(
        _rotating,
        _call("RotateKey"),
        _unless("RotateRateLimited", call="RotateKey"),
        _versions(2),
    ),
    "import": Scene(
        _waiting,
        lambda actor, state: actor.do("ImportKeyMaterial", **state["wrapped"]),
        lambda actor, state: actor.do("ImportKeyMaterial", **state["wrapped"]),
        _in("Enabled"),
    ),
    "delete material": Scene(
        _imported,
        _call("DeleteImportedKeyMaterial"),
        _both(
            _unless("CmkStateNotSupport", call="DeleteImportedKeyMaterial"),
            _swept("material"),
        ),
        _in("PendingImport"),
    ),
    "schedule": Scene(
        _disabled,
        _call("ScheduleKeyDeletion", PendingWindowInDays=7),
        _unless(
            "CmkStateNotSupport", call="ScheduleKeyDeletion", PendingWindowInDays=7
        ),
        _in("PendingDelete"),
    ),
    "cancel": Scene(
        _pending,
        _call("CancelKeyDeletion"),
        _unless("CmkNotPendingDelete", call="CancelKeyDeletion"),
        _in("Disabled"),
    ),
    "rotate when due": Scene(
        _due_rotation, _sweep("rotation"), _swept("rotation"), _versions(2)
    ),
    "destroy when due": Scene(
        _due_deletion,
        _sweep("destruction"),
        _swept("destruction"),
        _in("Destroyed"),
    ),
    "expire": Scene(
        _expired, _sweep("material"), _swept("material"), _in("PendingImport")
    ),
    "publish": Scene(_key, _publish, _publish, _read_messages),
}
