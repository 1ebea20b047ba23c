"""Webhooks of a person: an https address that signed alarms are posted to."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from pydantic import Field

from keys import custody
from keys.hsm.errors import HsmError
from kmsconsole import clock, randomness
from kmsconsole.alarms import outbox
from kmsconsole.alarms.errors import (
    InvalidWebhookUrl,
    WebhookLimitExceeded,
    WebhookNotFound,
)
from kmsconsole.alarms.models import Channel, Webhook
from kmsconsole.alarms.webhook import LONGEST_URL, SECRET_PREFIX, place_of
from kmsconsole.errors import KMSError, ServiceTemporaryUnavailable
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope

MOST_WEBHOOKS: Final = 3
_SECRET_BYTES: Final = 32


class CreateWebhookInput(OperationInput):
    """Where to post; see kmsconsole/alarms/webhook.py for what is refused."""

    url: Annotated[str, Field(max_length=2 * LONGEST_URL)]


class CreateWebhook(Operation):
    """Name an address to post alarms to; its secret is shown this once."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    step_up = True
    Input = CreateWebhookInput

    def check(self, data: CreateWebhookInput) -> None:
        """Refuse what can't be posted to, and too many."""
        place = place_of(data.url)
        if place is None:
            raise InvalidWebhookUrl("Url")
        # The rest of an address may hold what only its receiver knows.
        self.details["Host"] = place.host
        if Webhook.objects.filter(person_uin=self.call.principal.uin).count() >= (
            MOST_WEBHOOKS
        ):
            raise WebhookLimitExceeded("Url", limit=MOST_WEBHOOKS)

    def perform(self, data: CreateWebhookInput) -> dict[str, Any]:
        """Draw the secret and store it sealed."""
        drawn = base64.b64encode(randomness.token_bytes(_SECRET_BYTES)).decode("ascii")
        hook = Webhook(
            person_uin=self.call.principal.uin, url=data.url, created_at=clock.now()
        )
        hook.data_key_epoch, hook.sealed_secret = custody.keyring().seal_secret(
            drawn.encode("ascii"), outbox.secret_binding(hook)
        )
        hook.save(force_insert=True)
        self.details["WebhookId"] = str(hook.id)
        secret = SECRET_PREFIX + drawn
        return {"WebhookId": str(hook.id), "Secret": secret, "Url": hook.url}

    def translate(self, error: Exception) -> KMSError | None:
        """Without the HSM nothing can be sealed."""
        return ServiceTemporaryUnavailable() if isinstance(error, HsmError) else None


class WebhookInput(OperationInput):
    """One webhook of the caller's."""

    webhook_id: UUID


class _WebhookOperation(Operation):
    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    Input: ClassVar[type[OperationInput]] = WebhookInput

    hook: Webhook

    def locate(self, data: WebhookInput) -> Sequence[Any]:
        """Note which one is asked for; it is about the caller."""
        self.details["WebhookId"] = str(data.webhook_id)
        return ()

    def check(self, data: WebhookInput) -> None:
        """Refuse one that isn't the caller's."""
        uin = self.call.principal.uin
        hook = Webhook.objects.filter(pk=data.webhook_id, person_uin=uin).first()
        if hook is None:
            raise WebhookNotFound("WebhookId")
        self.hook = hook


class TryWebhook(_WebhookOperation):
    """Post a trial to a webhook, by the same way as alarms."""

    def perform(self, data: WebhookInput) -> dict[str, Any]:
        """Put it into the outbox."""
        uin = self.call.principal.uin
        row = outbox.message(uin, Channel.WEBHOOK, webhook=self.hook)
        row.save(force_insert=True)
        return {}


class DeleteWebhook(_WebhookOperation):
    """Remove a webhook, and what was still to be posted there."""

    def perform(self, data: WebhookInput) -> dict[str, Any]:
        """Remove it."""
        self.hook.delete()
        return {}
