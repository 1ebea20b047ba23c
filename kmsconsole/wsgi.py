"""API and console as one WSGI application: the API before, the console behind."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")

_console = get_wsgi_application()

from keys import custody  # noqa: E402 - models load with the line above
from keys.api.front import ApiFront  # noqa: E402

application = ApiFront(_console)

# Made before threads ask for it: two of them would each make one.
custody.keyring()
