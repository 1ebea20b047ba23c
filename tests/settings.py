"""Settings of the tests: deaf to the environment, with a data folder of their own.

One process, one folder: with pytest-xdist each worker has its own token and database.
TEST_DATABASE_URL runs the same tests on another database (tests/services).
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.surroundings import REGIONS, borrow_softhsm, is_ambient

for _name in [name for name in os.environ if is_ambient(name)]:
    del os.environ[_name]

_home = Path(tempfile.mkdtemp(prefix="kmsconsole-test-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)
borrow_softhsm(_home)
(_home / "static").mkdir()
os.environ["KMS_HOME"] = str(_home)
os.environ["KMS_REGIONS"] = REGIONS
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from kmsconsole.settings import *  # noqa: E402, F403
from kmsconsole.settings import DATABASES, STORAGES  # noqa: E402

if "TEST_DATABASE_URL" not in os.environ:
    # A file, as in memory there would be no second connection to test with.
    DATABASES["default"]["TEST"] = {"NAME": str(_home / "test.sqlite3")}
# Static files are collected by the running service, not by a test client.
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
