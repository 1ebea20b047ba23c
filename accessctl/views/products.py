"""Cloud products: which are registered, and which resources hold keys here."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View

from accessctl.operations import ListProducts
from keys.views.bindings import bindings_for
from kmsconsole.views import console_call

_LONGEST = 32


class ProductsPage(View):
    """What products have in this account and region; only the operator changes it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them, and the resources of all or of the one that the address names."""
        call = console_call(request)
        products = ListProducts.execute(call, {}).output["Products"]
        product = request.GET.get("product", "")[:_LONGEST]
        asked: dict[str, Any] = {"ProductId": product}
        context = bindings_for(call, request, **asked) | {
            "products": products,
            "product": product,
            "url": request.path,
        }
        return render(request, "accessctl/products.html", context)
