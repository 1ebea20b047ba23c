"""When an outage is tried again, and what each PKCS#11 error means."""

import pkcs11.exceptions  # noqa: TID251 - the list of what may be raised
import pytest

from keys.hsm.connection import Connection, Handle, TokenSettings
from keys.hsm.errors import (
    BadData,
    HsmDown,
    HsmError,
    HsmLimit,
    HsmMismatch,
    HsmPinRefused,
    StaleHandle,
)
from keys.hsm.library import LibraryRefused
from keys.hsm.recovery import Recovery

BASE = pkcs11.exceptions.PKCS11Error
ERRORS = {
    name: error
    for name, error in vars(pkcs11.exceptions).items()
    if isinstance(error, type) and issubclass(error, BASE)
}
STALE = {
    "ObjectHandleInvalid",
    "KeyHandleInvalid",
    "WrappingKeyHandleInvalid",
    "UnwrappingKeyHandleInvalid",
    "SessionHandleInvalid",
    "SessionClosed",
    "UserNotLoggedIn",
    "OperationActive",
    "OperationNotInitialized",
}
PIN = {
    "PinIncorrect",
    "PinInvalid",
    "PinLenRange",
    "PinExpired",
    "PinLocked",
    "UserPinNotInitialized",
}
LIMIT = {"SessionCount", "HostMemory"}
TEMPLATE = {
    "AttributeReadOnly",
    "AttributeTypeInvalid",
    "AttributeValueInvalid",
    "MechanismInvalid",
    "TemplateIncomplete",
    "TemplateInconsistent",
}
DATA = {
    "GeneralError",
    "FunctionFailed",
    "ArgumentsBad",
    "DataInvalid",
    "DataLenRange",
    "EncryptedDataInvalid",
    "EncryptedDataLenRange",
    "WrappedKeyInvalid",
    "WrappedKeyLenRange",
}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class BrokenDriver:
    """An HSM that is told how to fail, for what no real token does on demand."""

    error = BASE

    def __init__(self) -> None:
        self.present = self.well = True
        self.opening: Exception | None = None
        self.opened = 0

    def load(self, path: str) -> "BrokenDriver":
        self.initialize()
        return self

    def initialize(self) -> None:
        if not self.present:
            raise LibraryRefused

    def find_tokens(self, module: object, label: str) -> list[object]:
        return [self]

    def open(self, token: object, pin: str) -> object:
        self.opened += 1
        if self.opening:
            raise self.opening
        return self

    def is_present(self, session: object) -> bool:
        return self.well

    def find(self, session: object, object_id: bytes) -> list[object]:
        return []

    def hmac(self, key: object, message: bytes) -> bytes:
        return b""


class Bench:
    """A connection to a broken HSM, with a clock of its own."""

    def __init__(self, path: str) -> None:
        self.driver = BrokenDriver()
        self.clock = Clock()
        self.pin = "first"
        settings = TokenSettings(path, "label", lambda: self.pin)
        self.connection = Connection(settings, self.driver, self.clock)

    def outcome(self, error: Exception | None = None, **how: bool) -> type | None:
        def work(_: object) -> None:
            if error:
                raise error

        try:
            self.connection.run(work, **how)
        except HsmError as refusal:
            return type(refusal)
        return None


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Bench:
    # A module is known by its path: each test gets one nobody has initialised.
    return Bench(f"/no/module/{request.node.nodeid}")


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("untrusted", [True, False])
@pytest.mark.parametrize("well", [True, False])
def test_every_error_has_one_meaning(
    bench: Bench, name: str, untrusted: bool, well: bool
) -> None:
    assert bench.outcome() is None
    bench.driver.well = well
    expected = (
        StaleHandle
        if name in STALE
        else HsmLimit
        if name in LIMIT
        else HsmMismatch
        if name in TEMPLATE
        else BadData
        if name in DATA and untrusted and well
        else HsmDown
    )
    assert bench.outcome(ERRORS[name](), untrusted=untrusted) is expected


def test_a_code_nobody_mapped_is_down() -> None:
    assert "PKCS11Error" in ERRORS
    assert "PKCS11Error" not in STALE | LIMIT | TEMPLATE | DATA | PIN


def test_bad_data_costs_no_session_however_often(bench: Bench) -> None:
    for _ in range(100):
        assert bench.outcome(ERRORS["GeneralError"](), untrusted=True) is BadData
        bench.clock.now += 60
    assert bench.driver.opened == 1


def test_an_unforeseen_answer_of_a_well_hsm_costs_one_session_in_thirty_seconds(
    bench: Bench,
) -> None:
    assert bench.outcome() is None
    for _ in range(300):
        assert bench.outcome(ERRORS["DeviceError"]()) is HsmDown
        bench.clock.now += 0.1
    assert bench.driver.opened == 2


def test_a_lost_session_is_replaced_and_old_handles_are_stale(bench: Bench) -> None:
    bench.connection.run(lambda _: None)
    handle = Handle(object(), bench.connection.generation)
    bench.clock.now += 1
    assert bench.outcome(ERRORS["SessionHandleInvalid"]()) is StaleHandle
    with pytest.raises(StaleHandle):
        bench.connection.run(lambda _: None, handle)
    assert bench.driver.opened == 2
    assert bench.connection.run_again(lambda _: "done") == "done"


@pytest.mark.parametrize("name", sorted(PIN))
def test_a_refused_pin_is_presented_once(bench: Bench, name: str) -> None:
    bench.driver.opening = ERRORS[name]()
    for _ in range(50):
        assert bench.outcome() is HsmPinRefused
        bench.clock.now += 60
    assert bench.driver.opened == 1
    assert bench.connection.logins == 1
    bench.driver.opening = None
    assert bench.outcome() is HsmPinRefused
    bench.pin = "second"
    assert bench.outcome() is None


def test_a_pin_that_cannot_be_read_is_down(bench: Bench) -> None:
    def gone() -> str:
        raise FileNotFoundError

    bench.connection._settings = TokenSettings("", "label", gone)
    assert bench.outcome() is HsmDown
    assert bench.driver.opened == 0


def test_an_absent_token_is_tried_again_within_four_seconds(bench: Bench) -> None:
    bench.driver.present = False
    attempts = 0
    for _ in range(1200):
        before = bench.connection._module.epoch
        assert bench.outcome() is HsmDown
        attempts += bench.connection._module.epoch > before
        bench.clock.now += 0.1
    # Two minutes: at 0, 0.5, 1.5, 3.5 seconds and every four seconds after.
    assert 30 <= attempts <= 34
    bench.driver.present = True
    bench.clock.now += 4.0
    assert bench.outcome() is None


def test_a_token_that_refuses_is_left_alone_for_up_to_thirty_seconds(
    bench: Bench,
) -> None:
    bench.driver.opening = ERRORS["DeviceError"]()
    for _ in range(6000):
        assert bench.outcome() is HsmDown
        bench.clock.now += 0.1
    # Ten minutes: seven attempts in the first minute, two a minute after.
    assert 20 <= bench.driver.opened <= 26
    bench.driver.opening = None
    bench.clock.now += 30
    assert bench.outcome() is None


def test_a_token_that_gives_no_known_answer_is_not_used(bench: Bench) -> None:
    bench.connection.expect(b"id", b"message", "0" * 64)
    assert bench.outcome() is HsmDown
    assert not bench.connection.status().ready


def test_presence_is_proved_once_a_second(bench: Bench) -> None:
    assert bench.outcome() is None
    bench.driver.well = False
    bench.clock.now += 1.0
    assert bench.outcome() is None
    bench.clock.now += 0.01
    assert bench.outcome() is HsmDown


def test_status_does_not_wait_for_that_second(bench: Bench) -> None:
    assert bench.outcome() is None
    bench.driver.well = False
    status = bench.connection.status()
    assert not status.ready
    assert status.detail


def test_a_flapping_hsm_is_tried_twice_a_second_at_most() -> None:
    clock = Clock()
    recovery = Recovery(clock)
    attempts = 0
    for _ in range(100):
        recovery.begin()
        if recovery.due():
            attempts += 1
            recovery.recovered()
        clock.now += 0.1
    assert 18 <= attempts <= 21
