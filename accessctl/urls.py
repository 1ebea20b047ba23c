"""Addresses of signing in and of preferences; the rest is below /account/."""

from allauth.account.views import logout
from django.urls import path

from accessctl import views

# Named as allauth knows them, and later in the list than its own: these ones are shown.
urlpatterns = [
    path("login/", views.SignInView.as_view(), name="account_login"),
    path("login/<int:account>/", views.SignInView.as_view(), name="account_sign_in"),
    path("logout/", logout, name="account_logout"),
    path("preferences/theme/", views.theme, name="theme"),
    path("preferences/language/", views.language, name="language"),
    path("preferences/region/", views.region, name="region"),
]
