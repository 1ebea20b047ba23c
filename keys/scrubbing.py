"""The daily scrub: tries every stored version, some at a time."""

from datetime import timedelta

from django.conf import settings

from keys.errors import UnreadableVersion
from keys.models import KeyVersion
from keys.operations import VerifyKeyVersion, VerifyKeyVersions
from kmsconsole import clock
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.raising import raise_alarm
from kmsconsole.errors import KMSError
from kmsconsole.schedule.stint import Stint
from kmsconsole.schedule.sweeps import service_call

EVERY = timedelta(hours=24)
BLOCK = 200


def scrub(stint: Stint) -> None:
    """Go on where the last run stopped; begin anew a day after the last end.

    By hand, without a limit of time, all of it is tried at once.
    """
    last = stint.completed_at
    rested = last is None or clock.now() - last >= EVERY or stint.endless
    if not stint.resume and not rested:
        stint.idle = True
        return
    after = int(stint.resume or 0)
    while stint.goes_on():
        call = service_call(0, settings.KMS_REGIONS[0])
        stint.resume = str(after)
        block = {"After": after, "Limit": BLOCK}
        try:
            found = VerifyKeyVersions.execute(call, block).output
        except KMSError as error:
            stint.fail(VerifyKeyVersions.__name__, f"after {after}", error.code)
            return
        unreadable = found["Unreadable"]
        well = found["Tried"] - len(unreadable)
        stint.tally.due += well
        stint.tally.done += well
        for version in unreadable:
            _tell(stint, version)
        if not found["Tried"]:
            stint.resume = ""
            return
        after = found["Last"]
    stint.resume = str(after)


def _tell(stint: Stint, version: KeyVersion) -> None:
    """Leave an event about the version itself, and an alarm, once a day."""
    key = version.key
    subject = f"{key.id} version {version.number}"
    with stint.counting(VerifyKeyVersion.__name__, subject):
        call = service_call(key.account_uin, key.region)
        try:
            VerifyKeyVersion.execute(
                call, {"KeyId": str(key.id), "Number": version.number}
            )
        except KMSError:
            day = clock.now().date().isoformat()
            details = {
                "Number": version.number,
                "Reason": UnreadableVersion.__name__,
            }
            raise_alarm(
                AlarmKind.SCRUB_FAILED,
                f"{version.number}|{day}",
                key=key,
                details=details,
            )
            raise
