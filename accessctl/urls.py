"""Addresses of signing in and of preferences; the rest is below /account/."""

from allauth.account.views import logout
from django.urls import path

from accessctl.views import changing, entrance, explaining, requests, rights

# Named as allauth knows them, and later in the list than its own: these ones are shown.
urlpatterns = [
    path("login/", entrance.SignInView.as_view(), name="account_login"),
    path("login/<int:account>/", entrance.SignInView.as_view(), name="account_sign_in"),
    path("logout/", logout, name="account_logout"),
    path("preferences/theme/", entrance.theme, name="theme"),
    path("preferences/language/", entrance.language, name="language"),
    path("preferences/region/", entrance.region, name="region"),
    path("access/grant/", changing.GrantView.as_view(), name="access_grant"),
    path("access/revoke/", changing.RevokeView.as_view(), name="access_revoke"),
    path(
        "access/users/<int:uin>/rights/",
        rights.RightsPage.as_view(),
        name="access_user_rights",
    ),
    path(
        "access/groups/<int:group_id>/rights/",
        rights.RightsPage.as_view(),
        name="access_group_rights",
    ),
    path("access/mine/", rights.MyRights.as_view(), name="access_mine"),
    path("access/explain/", explaining.ExplainPage.as_view(), name="access_explain"),
    path("access/requests/", requests.RequestList.as_view(), name="access_requests"),
    path(
        "access/requests/new/",
        requests.RequestAccessView.as_view(),
        name="access_request",
    ),
    path(
        "access/requests/<int:request_id>/",
        requests.DecideView.as_view(),
        name="access_decide",
    ),
    path(
        "access/requests/<int:request_id>/withdraw/",
        requests.WithdrawView.as_view(),
        name="access_withdraw",
    ),
]
