"""Addresses below /account/ that go before allauth's own."""

from django.urls import path

from accessctl.views import access_keys, entrance, oneself

urlpatterns = [
    path(
        "password/change/",
        oneself.PasswordView.as_view(),
        name="account_change_password",
    ),
    path(
        "2fa/webauthn/reauthenticate/",
        entrance.SecurityKeyView.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path("sessions/", oneself.SessionsView.as_view(), name="usersessions_list"),
    path("access-keys/", access_keys.AccessKeysView.as_view(), name="access_keys"),
    path(
        "access-keys/create/",
        access_keys.CreateAccessKeyView.as_view(),
        name="access_key_create",
    ),
    path(
        "access-keys/<str:secret_id>/<slug:slug>/",
        access_keys.access_key,
        name="access_key",
    ),
]
