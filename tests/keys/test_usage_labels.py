from keys.crypto.algorithms import KEY_TYPES
from keys.views.words import USAGE_HINTS, USAGE_LABELS


def test_the_console_has_words_for_every_kind_of_key() -> None:
    usages = {row.usage for row in KEY_TYPES}
    assert usages == set(USAGE_LABELS) == set(USAGE_HINTS)
