"""Why something could not be sent, in a word that is kept."""


class Failure(Exception):
    """A message that didn't arrive this time: a short word, and the other's number."""

    def __init__(self, word: str, number: int | None = None) -> None:
        super().__init__(word)
        self.code = word if number is None else f"{word} {number}"
