"""Addresses below /account/ that go before allauth's own."""

from django.urls import path, re_path

from accessctl.views import access_keys, entrance, factors, oneself

# Pages of allauth for what isn't done here, such as signing up and resetting a password
# by mail. They would tell who exists, or lead nowhere.
_NOT_HERE = r"^(signup|email|confirm-email|login/code|password/(set|reset))/"

urlpatterns = [
    re_path(_NOT_HERE, entrance.nothing_here),
    path(
        "password/change/",
        oneself.PasswordView.as_view(),
        name="account_change_password",
    ),
    path(
        "2fa/totp/activate/",
        factors.ActivateAppView.as_view(),
        name="mfa_activate_totp",
    ),
    path(
        "2fa/totp/deactivate/",
        factors.DeactivateAppView.as_view(),
        name="mfa_deactivate_totp",
    ),
    path(
        "2fa/recovery-codes/",
        factors.ShownCodesView.as_view(),
        name="mfa_view_recovery_codes",
    ),
    path(
        "2fa/recovery-codes/download/",
        factors.DownloadedCodesView.as_view(),
        name="mfa_download_recovery_codes",
    ),
    path(
        "2fa/recovery-codes/generate/",
        factors.RecoveryCodesView.as_view(),
        name="mfa_generate_recovery_codes",
    ),
    path("2fa/webauthn/add/", factors.AddKeyView.as_view(), name="mfa_add_webauthn"),
    path(
        "2fa/webauthn/keys/<int:pk>/edit/",
        factors.RenameKeyView.as_view(),
        name="mfa_edit_webauthn",
    ),
    path(
        "2fa/webauthn/keys/<int:pk>/remove/",
        factors.RemoveKeyView.as_view(),
        name="mfa_remove_webauthn",
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
