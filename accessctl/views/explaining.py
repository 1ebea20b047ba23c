"""Who can use this key? Why was this refused? One page, the evaluator's own words."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.generic import View

from accessctl.operations import (
    ExplainAccess,
    ExplainOwnAccess,
    ListKeyHolders,
    ListRights,
    RecallEvent,
)
from accessctl.views.words import origin_of
from keys.operations import BrowseKeys
from keys.views.happenings import deed
from kmsconsole.errors import KMSError
from kmsconsole.operations import Scope, registry
from kmsconsole.views import console_call

WHO, WHY = "who", "why"
ASKING = (
    (WHY, gettext_lazy("Why was this refused?")),
    (WHO, gettext_lazy("Who can use this key?")),
)
_LONGEST = 64
_MOST_DIGITS = 18
_SHOWN_KEYS = 100
_ASKABLE = (Scope.KEY, Scope.ACCOUNT, Scope.ADMINISTRATION)


class ExplainPage(View):
    """Questions in the address, so that an explanation can be sent to somebody."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer what the address asks for."""
        self.call = console_call(request)
        self.asked = {
            name: request.GET.get(name, "").strip()[:_LONGEST]
            for name in ("ask", "user", "operation", "key", "address", "event")
        }
        ask = self.asked["ask"]
        ask = ask if ask in dict(ASKING) else WHY
        context: dict[str, Any] = {
            "asking": ASKING,
            "ask": ask,
            "asked": self.asked,
            "me": self.call.principal.name,
            "operations": _operations(on_key=ask == WHO),
            "links": self.call.decide(ListRights, None).allowed,
        }
        status = 200
        try:
            context |= self._keys()
            if self.asked["event"]:
                context |= self._event()
            if self.asked["operation"]:
                context |= self._who() if ask == WHO else self._why()
        except KMSError as refusal:
            context["refusal"] = refusal
            status = refusal.http_status
        return render(request, "accessctl/explain.html", context, status=status)

    def _keys(self) -> dict[str, Any]:
        """Return some keys to choose from; their names stand for their IDs."""
        asked = {"Limit": _SHOWN_KEYS, "Order": "name"}
        page = BrowseKeys.execute(self.call, asked).output["Page"]
        return {"keys": page.rows}

    def _key_id(self) -> str:
        """Return the ID that was typed, or the one of the key of this name."""
        text = self.asked["key"]
        try:
            return str(UUID(text)) if text else ""
        except ValueError:
            asked = {"Words": text, "Limit": _SHOWN_KEYS}
            rows = BrowseKeys.execute(self.call, asked).output["Page"].rows
            named = [row for row in rows if row.alias.lower() == text.lower()]
            # What isn't found goes on as it is: the operation refuses it.
            return str(named[0].id) if named else text

    def _who(self) -> dict[str, Any]:
        data = {"KeyId": self._key_id(), "Operation": self.asked["operation"]}
        output = ListKeyHolders.execute(self.call, data).output
        holders = [
            (one.user, origin_of(one.verdict.rule) if one.verdict.rule else None)
            for one in output["Holders"]
        ]
        return {
            "key": output["Key"],
            "holders": holders,
            "operation_words": deed(self.asked["operation"]),
        }

    def _why(self) -> dict[str, Any]:
        who = self.asked["user"] or self.call.principal.name
        data: dict[str, Any] = {"Operation": self.asked["operation"]}
        key_id = self._key_id()
        data |= {"KeyId": key_id} if key_id else {}
        if (
            who.lower() == self.call.principal.name.lower()
            and not self.asked["address"]
        ):
            output = ExplainOwnAccess.execute(self.call, data).output
        else:
            data |= {"UserName": who, "Address": self.asked["address"]}
            output = ExplainAccess.execute(self.call, data).output
        return {
            "explained": output,
            "who": who,
            "operation_words": deed(self.asked["operation"]),
            "asks": not output["Allowed"]
            and key_id
            and who == self.call.principal.name,
            "key_id": key_id,
        }

    def _event(self) -> dict[str, Any]:
        """Fill in what an event was about, and show what was decided then."""
        text = self.asked["event"]
        number = text if text.isascii() and text.isdigit() else "0"
        data = {"Sequence": number[:_MOST_DIGITS]}
        output = RecallEvent.execute(self.call, data).output
        event = output["Event"]
        filled = {
            "user": event.principal_name,
            "operation": event.operation,
            "key": output["KeyId"],
        }
        for name, value in filled.items():
            self.asked[name] = self.asked[name] or value
        return {"event": event, "event_deed": deed(event.operation)}


def _operations(*, on_key: bool) -> Sequence[tuple[str, str]]:
    scopes = (Scope.KEY,) if on_key else _ASKABLE
    names = (name for name, each in registry().items() if each.scope in scopes)
    return sorted(((name, deed(name)) for name in names), key=lambda one: one[1])
