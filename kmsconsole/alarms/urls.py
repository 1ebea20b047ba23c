"""Addresses of alarms, below /alarms/."""

from django.urls import path

from kmsconsole.alarms import views

urlpatterns = [
    path("", views.AlarmList.as_view(), name="alarms"),
]
