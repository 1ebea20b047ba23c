"""Addresses of the key pages: a key's operations have theirs below the key's own."""

from django.urls import path

from keys import views

app_name = "keys"

urlpatterns = [
    path("", views.KeyList.as_view(), name="list"),
    path("random/", views.RandomView.as_view(), name="random"),
    path("cloud/", views.CloudKeyList.as_view(), name="cloud"),
    path("data-keys/", views.DataKeyList.as_view(), name="data_keys"),
    path(
        "data-keys/<uuid:data_key_id>/",
        views.DataKeyPage.as_view(),
        name="data_key",
    ),
    path(
        "data-keys/<uuid:data_key_id>/<slug:slug>/",
        views.data_key_operation,
        name="data_key_operation",
    ),
    path("batch/<slug:slug>/", views.batch, name="batch"),
    path("create/", views.CreateKeyView.as_view(), name="create"),
    path("<uuid:key_id>/", views.KeyDetails.as_view(), name="details"),
    path("<uuid:key_id>/<slug:slug>/", views.operation, name="operation"),
]
