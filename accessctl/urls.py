"""Addresses of signing in and of preferences; the rest is below /account/."""

from allauth.account.views import logout
from django.urls import path

from accessctl.views import entrance, events

# Named as allauth knows them, and later in the list than its own: these ones are shown.
urlpatterns = [
    path("login/", entrance.SignInView.as_view(), name="account_login"),
    path("login/<int:account>/", entrance.SignInView.as_view(), name="account_sign_in"),
    path("logout/", logout, name="account_logout"),
    path("activity/", events.ActivityPage.as_view(), name="activity"),
    path("activity/export/", events.export, name="activity_export"),
    path("activity/<int:sequence>/", events.EventPage.as_view(), name="activity_event"),
    path("preferences/theme/", entrance.theme, name="theme"),
    path("preferences/language/", entrance.language, name="language"),
    path("preferences/region/", entrance.region, name="region"),
]
