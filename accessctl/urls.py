"""Addresses of signing in, of preferences, and of who may do what below /access/."""

from allauth.account.views import logout
from django.urls import path

from accessctl.views import (
    access_keys,
    changing,
    chosen,
    entrance,
    events,
    explaining,
    groups,
    people,
    policies,
    requests,
    rights,
)
from accessctl.views.products import ProductsPage
from accessctl.views.settings import AccountSettingsView

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
    path("products/", ProductsPage.as_view(), name="products"),
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
    path("access/sub-accounts/", people.SubAccountList.as_view(), name="access_users"),
    path(
        "access/create-sub-account/",
        people.CreateSubAccountView.as_view(),
        name="access_create_user",
    ),
    path(
        "access/chosen-sub-accounts/<slug:slug>/", chosen.chosen, name="access_chosen"
    ),
    path(
        "access/sub-accounts/<str:name>/",
        people.SubAccountPage.as_view(),
        name="access_user",
    ),
    path(
        "access/sub-accounts/<str:name>/<slug:slug>/",
        people.sub_account_deed,
        name="access_user_deed",
    ),
    path("access/groups/", groups.GroupList.as_view(), name="access_groups"),
    # Before the deeds of groups, whose address it would be too.
    path(
        "access/groups/<int:group_id>/rights/",
        rights.RightsPage.as_view(),
        name="access_group_rights",
    ),
    path(
        "access/create-group/",
        groups.CreateGroupView.as_view(),
        name="access_create_group",
    ),
    path("access/groups/<str:name>/", groups.GroupPage.as_view(), name="access_group"),
    path(
        "access/groups/<str:name>/<slug:slug>/",
        groups.group_deed,
        name="access_group_deed",
    ),
    path("access/policies/", policies.PolicyList.as_view(), name="access_policies"),
    path(
        "access/create-policy/",
        policies.CreatePolicyView.as_view(),
        name="access_create_policy",
    ),
    path(
        "access/policies/<str:name>/",
        policies.PolicyPage.as_view(),
        name="access_policy",
    ),
    path(
        "access/policies/<str:name>/<slug:slug>/",
        policies.policy_deed,
        name="access_policy_deed",
    ),
    path("access/grant/", changing.GrantView.as_view(), name="access_grant"),
    path("access/revoke/", changing.RevokeView.as_view(), name="access_revoke"),
    path(
        "access/users/<int:uin>/rights/",
        rights.RightsPage.as_view(),
        name="access_user_rights",
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
