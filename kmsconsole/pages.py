"""Pages for one operation: its form, one answer. Rules are not here."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.generic import View
from django_htmx.http import HttpResponseClientRedirect

from kmsconsole import randomness
from kmsconsole.errors import KMSError, SentAlready, StepUpRequired
from kmsconsole.forms import WireForm
from kmsconsole.operations import Operation, Result
from kmsconsole.principals import Call
from kmsconsole.views import console_call

_NUMBER = re.compile(r"[0-9a-f-]{36}")
# A browser that restores its pages sends them days later.
_KEPT = 30 * 24 * 60 * 60


def refuse_forbidden(
    call: Call, operations: Sequence[type[Operation]], resources: Sequence[Any]
) -> None:
    """Refuse to open a page to somebody who may do none of its operations."""
    first, *others = operations
    for operation in others:
        if all(call.decide(operation, one).allowed for one in resources or (None,)):
            return
    first.refuse_forbidden(call, resources)


class OperationView(View):
    """A page with a form for one operation; `template` has the partial `part`.

    With htmx only the partial is answered, without it the whole page. After a change
    the browser is sent on, so that reloading repeats nothing. Who may not send the form
    doesn't get it: the page opens to those who may do `operation`, or any one of
    `opened_by` where there is more to see than the form.
    """

    operation: ClassVar[type[Operation]]
    opened_by: ClassVar[tuple[type[Operation], ...]] = ()
    # Whether the answer may hold a secret: then the form is good for one sending.
    once: ClassVar[bool] = False
    form: ClassVar[type[WireForm]]
    template: ClassVar[str]
    part: ClassVar[str] = "dialog"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Note who calls."""
        super().setup(request, *args, **kwargs)
        self.call = console_call(request)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse whoever may not; what is sent is refused by the operation itself."""
        if request.method != "POST":
            needed = self.opened_by or (self.operation,)
            refuse_forbidden(self.asking(), needed, self.subjects())
        return super().dispatch(request, *args, **kwargs)

    def subjects(self) -> Sequence[Any]:
        """Return what the page is about, as its operation would locate it.

        Raises the refusal where there is no such thing. Nothing is the account.
        """
        return ()

    def asking(self) -> Call:
        """Return the call that the questions of this page are asked with."""
        return self.call

    @property
    def by_htmx(self) -> bool:
        """Whether a part of the page is asked for."""
        return bool(self.request.htmx)  # type: ignore[attr-defined]

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what the template needs beside form and refusal."""
        return {}

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that the address holds."""
        return {}

    def initial(self) -> dict[str, Any]:
        """Return what stands in the form at first."""
        return {}

    def after(self, result: Result) -> str:
        """Say what happened and return where to go on."""
        raise NotImplementedError

    def shown_once(self, result: Result) -> HttpResponse | None:
        """Return a page for an answer that is never to be seen again, if it is one.

        It answers the POST itself, so that a secret gets into no address or session.
        """
        return None

    def sending(self) -> str:
        """Return the number of the next sending, where only one is taken."""
        return str(randomness.uuid4()) if self.once else ""

    def refuse_second(self) -> None:
        """Refuse the same form sent again, as by reloading its answer."""
        number = self.request.POST.get("Sending", "")
        known = self.once and _NUMBER.fullmatch(number)
        if known and not cache.add(f"sending:{number}", 1, _KEPT):
            raise SentAlready

    def page(
        self, form: WireForm, refusal: KMSError | None = None, **more: Any
    ) -> HttpResponse:
        """Show the form; a refusal stands at its field, or on top."""
        on_top = refusal if refusal is not None and not form.refuse(refusal) else None
        part = f"#{self.part}" if self.by_htmx else ""
        return render(
            self.request,
            f"{self.template}{part}",
            {"form": form, "refusal": on_top, "sending": self.sending()}
            | self.context(form)
            | more,
            status=refusal.http_status if refusal else 200,
        )

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the form, to somebody who may send it then."""
        if self.operation.step_up and not self.call.principal.fresh:
            raise StepUpRequired
        return self.page(self.form(initial=self.initial()))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Run the operation."""
        form = self.form(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(form)
        self.refuse_second()
        try:
            data = self.parameters() | form.wire()
            result = self.operation.execute(self.call, data)
        except StepUpRequired:
            raise
        except KMSError as refusal:
            return self.page(form, refusal)
        once = self.shown_once(result)
        if once is not None:
            once["Cache-Control"] = "no-store"
            return once
        url = self.after(result)
        # htmx would follow a redirect itself and put that page into this one.
        return HttpResponseClientRedirect(url) if self.by_htmx else redirect(url)
