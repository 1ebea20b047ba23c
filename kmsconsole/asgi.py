"""The application that the web server runs: bodies first, then a lane or a place."""

from kmsconsole.wsgi import application as worked_on  # isort: skip - sets Django up

from django.conf import settings

from keys.api.lane import Lane
from kmsconsole.intake import Intake
from kmsconsole.places import Places

application = Intake(
    Lane(),
    Places(worked_on, settings.KMS_THREADS),
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
)
