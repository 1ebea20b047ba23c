"""Where somebody wants their alarms beside the console: by mail, by webhook."""

from datetime import timedelta
from typing import Annotated, Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import F
from django.utils.translation import get_language
from pydantic import AfterValidator, Field

from kmsconsole import clock, randomness
from kmsconsole.alarms import mail, outbox
from kmsconsole.alarms.errors import (
    AskedTooSoon,
    InvalidMailAddress,
    MailNotSetUp,
    WrongCode,
)
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import (
    Channel,
    Delivery,
    MailAddress,
    Subscription,
    Webhook,
)
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope

CODE_LASTS: Final = timedelta(days=1)
MOST_TRIES: Final = 5
_BETWEEN_CODES: Final = timedelta(minutes=1)
_SHOWN_DELIVERIES: Final = 20


def _mail_address(value: str) -> str:
    try:
        if value:
            validate_email(value)
    except ValidationError:
        raise InvalidMailAddress("Address") from None
    return value


Kinds = Annotated[list[AlarmKind], Field(max_length=len(AlarmKind))]
Address = Annotated[str, Field(max_length=254), AfterValidator(_mail_address)]


class DescribeAlarmSettings(Operation):
    """Show where the caller's alarms go, and how the last messages fared."""

    effect = Effect.READ
    scope = Scope.CALLER
    api = False

    def perform(self, data: OperationInput) -> dict[str, Any]:
        """Return subscriptions, address, webhooks and the newest messages."""
        uin = self.call.principal.uin
        wanted = Subscription.objects.filter(person_uin=uin)
        sent = Delivery.objects.filter(person_uin=uin).select_related(
            "alarm", "webhook"
        )
        return {
            "Subscriptions": set(wanted.values_list("kind", "channel")),
            "Mail": MailAddress.objects.filter(person_uin=uin).first(),
            "MailPossible": settings.KMS_MAIL,
            "Webhooks": list(
                Webhook.objects.filter(person_uin=uin).order_by("created_at")
            ),
            "Deliveries": list(sent.order_by("-created_at")[:_SHOWN_DELIVERIES]),
        }


class SetAlarmSubscriptionsInput(OperationInput):
    """The kinds that go by each way; what is not named doesn't any more."""

    mail: Kinds = Field(default_factory=list)
    webhook: Kinds = Field(default_factory=list)


class SetAlarmSubscriptions(Operation):
    """Choose which kinds of alarm go by which way."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    audited_fields = ("mail", "webhook")
    Input = SetAlarmSubscriptionsInput

    def perform(self, data: SetAlarmSubscriptionsInput) -> dict[str, Any]:
        """Put the new choice in the place of the old one."""
        uin = self.call.principal.uin
        Subscription.objects.filter(person_uin=uin).delete()
        Subscription.objects.bulk_create(
            Subscription(person_uin=uin, kind=kind, channel=channel)
            for channel, kinds in (
                (Channel.MAIL, data.mail),
                (Channel.WEBHOOK, data.webhook),
            )
            for kind in set(kinds)
        )
        return {}


class SetAlarmAddressInput(OperationInput):
    """An address, or an empty text for none."""

    address: Address


class SetAlarmAddress(Operation):
    """Name the address for mail; a code is sent there, and alarms once it came back."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    step_up = True
    Input = SetAlarmAddressInput

    def check(self, data: SetAlarmAddressInput) -> None:
        """Refuse where no mail is sent, and to send code after code."""
        if data.address and not settings.KMS_MAIL:
            raise MailNotSetUp("Address")
        recent = clock.now() - _BETWEEN_CODES
        uin = self.call.principal.uin
        asked = Delivery.objects.filter(
            person_uin=uin,
            channel=Channel.MAIL,
            alarm__isnull=True,
            created_at__gt=recent,
        )
        if data.address and asked.exists():
            raise AskedTooSoon("Address")

    def perform(self, data: SetAlarmAddressInput) -> dict[str, Any]:
        """Note it and send the code by the outbox; or forget the address."""
        uin = self.call.principal.uin
        if not data.address:
            MailAddress.objects.filter(person_uin=uin).delete()
            return {"Sent": False}
        row = {
            "address": data.address,
            "language": get_language() or "en",
            "nonce": randomness.uuid4().hex,
            "asked_at": clock.now(),
            "tries": 0,
            "verified_at": None,
        }
        MailAddress.objects.update_or_create(person_uin=uin, defaults=row)
        outbox.message(uin, Channel.MAIL).save(force_insert=True)
        return {"Sent": True}


class ConfirmAlarmAddressInput(OperationInput):
    """The code that was sent."""

    code: Annotated[str, Field(max_length=16, repr=False)]


class ConfirmAlarmAddress(Operation):
    """Prove that mail to the address arrives, by the code that was sent there."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    Input = ConfirmAlarmAddressInput

    def prepare(self, data: ConfirmAlarmAddressInput) -> None:
        """Count the try, also where it fails then."""
        self._unproved().update(tries=F("tries") + 1)

    def perform(self, data: ConfirmAlarmAddressInput) -> dict[str, Any]:
        """Note that it is proved."""
        row = self._unproved().first()
        late = row is None or clock.now() - row.asked_at > CODE_LASTS
        if row is None or late or row.tries > MOST_TRIES:
            raise WrongCode("Code")
        if not mail.proves(row, data.code.strip()):
            raise WrongCode("Code")
        row.verified_at = clock.now()
        row.save(update_fields=["verified_at"])
        return {}

    def _unproved(self) -> Any:
        uin = self.call.principal.uin
        return MailAddress.objects.filter(person_uin=uin, verified_at__isnull=True)
