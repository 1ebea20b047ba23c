"""What the database takes for the present moment.

Nothing is destroyed unless two clocks say that it is due: this one and the process's.
"""

from datetime import datetime

from django.db import connection

from kmsconsole.moments import aware


def now() -> datetime:
    """Return the database's time, aware; in a transaction that of its beginning."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        row = cursor.fetchone()
    assert row is not None
    return aware(row[0])
