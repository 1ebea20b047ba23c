"""What the schedule's operations are called in people's words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

DEEDS: dict[str, str | Promise] = {
    "DescribeClock": gettext_lazy("View clock"),
    "ListDue": gettext_lazy("View what is due"),
    "ConfirmClock": gettext_lazy("Confirm clock"),
}
