"""Why the service doesn't do something although it is due."""

from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import KMSError


class Held(KMSError):
    """Something due waits for a person: counted as held, not as failed."""

    code = "FailedOperation.Held"
    http_status = 409
    why = _("This waits until somebody decides about it.")


class ClockDoubtful(Held):
    """The clock stepped, or stood still for long: nothing is destroyed by it."""

    code = "FailedOperation.ClockDoubtful"
    why = _("The clock is in doubt, and nothing is destroyed by a doubtful clock.")
    mend = _("Check the time, then run 'manage.py clock confirm'.")
