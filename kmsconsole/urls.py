"""Addresses of the console; the API at `/` is taken before Django (see wsgi.py)."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from kmsconsole import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="keys:list"), name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("keys/", include("keys.urls")),
    path("account/", include("accessctl.account_urls")),
    path("account/", include("allauth.urls")),
    path("alarms/", include("kmsconsole.alarms.urls")),
    path("", include("accessctl.urls")),
    path("operator/", admin.site.urls),
]

handler400 = "kmsconsole.views.bad_request"
handler403 = "kmsconsole.views.forbidden"
handler404 = "kmsconsole.views.not_found"
handler500 = "kmsconsole.views.server_error"
