"""What changes one hosted data key: each asks once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from keys.datakeys.errors import DataKeyNotFound, DataKeyStateNotSupport
from keys.datakeys.models import DataKey
from keys.datakeys.states import DataKeyState
from keys.errors import CmkStateNotSupport
from keys.forms.data_keys import (
    ScheduleDataKeyDeletionForm,
    UpdateDataKeyDescriptionForm,
    UpdateDataKeyNameForm,
)
from keys.forms.details import ChangeStateForm
from keys.models import CustomerMasterKey
from keys.operations import (
    CancelDataKeyDeletion,
    DescribeDataKey,
    DisableDataKey,
    EnableDataKey,
    ScheduleDataKeyDeletion,
    UpdateDataKeyDescription,
    UpdateDataKeyName,
)
from keys.operations.data_keys import DataKeyOperation
from keys.operations.deletion import LEAST_DAYS, MOST_DAYS
from keys.views.base import Offer, state_words
from keys.views.deletion import date_after, in_words
from kmsconsole.errors import KMSError, UnauthorizedOperation
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView
from kmsconsole.principals import Call

Words = str | Promise


def reason_against(operation: type[DataKeyOperation], call: Call, row: DataKey) -> str:
    """Return why the operation would refuse this data key, in words; empty if not."""
    if not call.decide(operation, row.key).allowed:
        return UnauthorizedOperation(operation=operation.needs()).message
    probe = operation(call)
    probe.resources, probe.found = (row.key,), (row,)
    try:
        probe.check(None)
    except CmkStateNotSupport:
        return state_words(row.key)
    except DataKeyStateNotSupport:
        words = gettext("Not possible while the data key's state is “%(state)s”.")
        return words % {"state": row.get_state_display()}
    except KMSError as refusal:
        return refusal.message
    return ""


class DataKeyView(OperationView):
    """An operation on one data key. Seeing it is an operation too, and recorded."""

    operation: ClassVar[type[DataKeyOperation]]
    form: ClassVar[type[WireForm]] = ChangeStateForm

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Note which data key this is about."""
        super().setup(request, *args, **kwargs)
        self.data_key_id = str(kwargs["data_key_id"])

    @cached_property
    def row(self) -> DataKey:
        """The data key as this request finds it, with its key."""
        DescribeDataKey.execute(self.call, self.parameters())
        rows = DataKey.objects.select_related("key")
        found = rows.filter(id=self.data_key_id).first()
        if found is None:
            raise DataKeyNotFound("DataKeyId")
        return found

    def subjects(self) -> Sequence[CustomerMasterKey]:
        """Return its key, which rights are given on."""
        return (self.row.key,)

    def asking(self) -> Call:
        """Return the call with the rights on the key, read once for the page."""
        return self.glance

    @cached_property
    def glance(self) -> Call:
        """What the caller may do with the key, as the page finds it."""
        return self.call.glance([self.row.key])

    def parameters(self) -> dict[str, Any]:
        """Return the ID of the address."""
        return {"DataKeyId": self.data_key_id}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the data key and where the form goes."""
        return {
            "row": self.row,
            "url": self.request.path,
            "back": reverse("keys:data_key", args=[self.data_key_id]),
        }

    def after(self, result: Result) -> str:
        """Lead back to the data key."""
        return reverse("keys:data_key", args=[self.data_key_id])


class OfferedDataKeyView(DataKeyView):
    """An operation that the data key's page offers as a button."""

    slug: ClassVar[str]
    label: ClassVar[Words]
    icon: ClassVar[str]
    done: ClassVar[Words]
    folded: ClassVar[bool] = False
    # The states in which the button is worth showing.
    shown_in: ClassVar[Sequence[DataKeyState]] = tuple(DataKeyState)

    @classmethod
    def offer(cls, call: Call, row: DataKey) -> Offer:
        """Return the button for this data key."""
        return Offer(
            slug=cls.slug,
            label=cls.label,
            icon=cls.icon,
            url=reverse("keys:data_key_operation", args=[row.id, cls.slug]),
            reason=reason_against(cls.operation, call, row),
            folded=cls.folded,
        )

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what the dialog is called, and why it would be refused now."""
        return super().context(form) | {
            "label": self.label,
            "blocked": reason_against(self.operation, self.glance, self.row),
        }

    def after(self, result: Result) -> str:
        """Say that it is done."""
        messages.success(self.request, str(self.done))
        return super().after(result)


class ChangeStateView(OfferedDataKeyView):
    """Puts a data key into another state, after asking once."""

    template = "keys/data_keys/change_state.html"
    question: ClassVar[Words]
    effect: ClassVar[Words]
    button: ClassVar[Words]
    hard: ClassVar[bool] = False

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what is asked."""
        return super().context(form) | {
            "question": str(self.question) % {"name": self.row.name},
            "effect": self.effect,
            "button": self.button,
            "hard": self.hard,
        }


class EnableDataKeyView(ChangeStateView):
    """Lets a data key be given out again."""

    operation = EnableDataKey
    slug = "enable-data-key"
    label = gettext_lazy("Enable")
    icon = "power"
    done = gettext_lazy("The data key is enabled.")
    question = gettext_lazy("Enable the data key %(name)s?")
    effect = gettext_lazy(
        "From the next request on whoever may decrypt with its key gets it again."
    )
    button = gettext_lazy("Enable data key")
    shown_in = (DataKeyState.DISABLED,)


class DisableDataKeyView(ChangeStateView):
    """Stops giving a data key out."""

    operation = DisableDataKey
    slug = "disable-data-key"
    label = gettext_lazy("Disable")
    icon = "ban"
    done = gettext_lazy("The data key is disabled: it is given to nobody.")
    question = gettext_lazy("Disable the data key %(name)s?")
    effect = gettext_lazy(
        "From the next request on nobody gets it, neither in the clear nor encrypted: "
        "applications that fetch it will fail. You can enable it again at any time."
    )
    button = gettext_lazy("Disable data key")
    hard = True
    shown_in = (DataKeyState.ENABLED,)


class CancelDataKeyDeletionView(ChangeStateView):
    """Keeps a data key that was to be destroyed."""

    operation = CancelDataKeyDeletion
    slug = "cancel-data-key-deletion"
    label = gettext_lazy("Cancel deletion")
    icon = "life-buoy"
    done = gettext_lazy(
        "The deletion is cancelled. The data key is disabled; enable it to use."
    )
    question = gettext_lazy("Keep the data key %(name)s?")
    effect = gettext_lazy("It will not be destroyed. It becomes disabled, not enabled.")
    button = gettext_lazy("Keep the data key")
    shown_in = (DataKeyState.PENDING_DELETE,)


class EditView(OfferedDataKeyView):
    """Changes one field."""

    template = "keys/data_keys/edit.html"
    icon = "pencil"
    field: ClassVar[str]
    attribute: ClassVar[str]

    def initial(self) -> dict[str, Any]:
        """Return the present value."""
        return {self.field: getattr(self.row, self.attribute)}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the field to edit."""
        return super().context(form) | {"field": form[self.field]}


class UpdateDataKeyNameView(EditView):
    """Renames a data key."""

    operation = UpdateDataKeyName
    form = UpdateDataKeyNameForm
    slug = "update-data-key-name"
    label = gettext_lazy("Name")
    done = gettext_lazy("The data key was renamed.")
    field = "DataKeyName"
    attribute = "name"


class UpdateDataKeyDescriptionView(EditView):
    """Describes a data key anew."""

    operation = UpdateDataKeyDescription
    form = UpdateDataKeyDescriptionForm
    slug = "update-data-key-description"
    label = gettext_lazy("Description")
    done = gettext_lazy("The description was saved.")
    field = "Description"
    attribute = "description"


class ScheduleDataKeyDeletionView(OfferedDataKeyView):
    """Begins a data key's waiting period, once its name was typed."""

    operation = ScheduleDataKeyDeletion
    form = ScheduleDataKeyDeletionForm
    template = "keys/data_keys/schedule_deletion.html"
    slug = "schedule-data-key-deletion"
    label = gettext_lazy("Schedule deletion")
    icon = "triangle-alert"
    folded = True
    shown_in = (DataKeyState.ENABLED, DataKeyState.DISABLED)

    def initial(self) -> dict[str, Any]:
        """Propose the longest time to think it over."""
        field = self.form.base_fields["PendingWindowInDays"]
        return {"PendingWindowInDays": field.initial}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the limits, and the day on which it would be destroyed."""
        days = form["PendingWindowInDays"].value()
        return super().context(form) | {
            "least": LEAST_DAYS,
            "most": MOST_DAYS,
            "destroyed_on": in_words(date_after(days)),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Check the typed name, then schedule."""
        form = self.form(request.POST)
        assert isinstance(form, ScheduleDataKeyDeletionForm)
        if form.is_valid() and not form.confirms(self.row.name):
            return self.page(form)
        return super().post(request, **kwargs)

    def after(self, result: Result) -> str:
        """Say until when it can be kept."""
        date = datetime.fromtimestamp(result.output["DeletionDate"], UTC)
        text = gettext("%(name)s will be destroyed on %(date)s, unless you cancel.")
        words = {"name": self.row.name, "date": in_words(date)}
        messages.warning(self.request, text % words)
        return DataKeyView.after(self, result)
