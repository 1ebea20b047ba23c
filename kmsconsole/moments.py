"""Times as a cursor gives them."""

from datetime import UTC, datetime


def aware(stored: datetime | str) -> datetime:
    """Return a stored time aware and in UTC, whichever database it came from."""
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
