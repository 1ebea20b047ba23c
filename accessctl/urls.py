"""Addresses of signing in and of preferences; the rest is below /account/."""

from allauth.account.views import logout
from django.urls import path

from accessctl.views import access_keys, entrance
from accessctl.views.settings import AccountSettingsView

# Named as allauth knows them, and later in the list than its own: these ones are shown.
urlpatterns = [
    path("login/", entrance.SignInView.as_view(), name="account_login"),
    path("login/<int:account>/", entrance.SignInView.as_view(), name="account_sign_in"),
    path("logout/", logout, name="account_logout"),
    path("preferences/theme/", entrance.theme, name="theme"),
    path("preferences/language/", entrance.language, name="language"),
    path("preferences/region/", entrance.region, name="region"),
    path("access/settings/", AccountSettingsView.as_view(), name="access_settings"),
    path(
        "access/users/<int:uin>/access-keys/",
        access_keys.AccessKeysView.as_view(),
        name="user_access_keys",
    ),
    path(
        "access/users/<int:uin>/access-keys/create/",
        access_keys.CreateAccessKeyView.as_view(),
        name="user_access_key_create",
    ),
    path(
        "access/users/<int:uin>/access-keys/<str:secret_id>/<slug:slug>/",
        access_keys.access_key,
        name="user_access_key",
    ),
]
