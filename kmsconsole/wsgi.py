"""The application that the web server runs: the API before, the console behind."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")

_console = get_wsgi_application()

from django.conf import settings  # noqa: E402 - models load with the line above

from keys import custody  # noqa: E402
from keys.api.front import ApiFront  # noqa: E402
from kmsconsole.intake import Intake  # noqa: E402

application = Intake(
    ApiFront(_console), settings.KMS_THREADS, settings.DATA_UPLOAD_MAX_MEMORY_SIZE
)

# Made before threads ask for it: two of them would each make one.
custody.keyring()
