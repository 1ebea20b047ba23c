"""Addresses of alarms, below /alarms/."""

from django.urls import path

from kmsconsole.alarms.views import destinations
from kmsconsole.alarms.views.listing import AlarmList
from kmsconsole.alarms.views.scheduled import ScheduledPage

urlpatterns = [
    path("scheduled/", ScheduledPage.as_view(), name="scheduled"),
    path("", AlarmList.as_view(), name="alarms"),
    path("settings/", destinations.DestinationsPage.as_view(), name="alarm_settings"),
    path("settings/address/", destinations.AddressView.as_view(), name="alarm_address"),
    path("settings/code/", destinations.CodeView.as_view(), name="alarm_code"),
    path(
        "settings/webhooks/create/",
        destinations.CreateWebhookView.as_view(),
        name="alarm_webhook_create",
    ),
    path(
        "settings/webhooks/<uuid:webhook_id>/try/",
        destinations.TryWebhookView.as_view(),
        name="alarm_webhook_try",
    ),
    path(
        "settings/webhooks/<uuid:webhook_id>/delete/",
        destinations.DeleteWebhookView.as_view(),
        name="alarm_webhook_delete",
    ),
]
