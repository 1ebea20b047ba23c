"""Who waits longest gives way: by bytes, and by number."""

from typing import Any

from kmsconsole.unfinished import Unfinished


class Wire:
    """Stands for a transport, and knows whether it was cut."""

    is_cut = False

    def abort(self) -> None:
        self.is_cut = True


def wires(number: int) -> list[Any]:
    return [Wire() for _ in range(number)]


def cut(waiting: list[Any]) -> list[bool]:
    return [wire.is_cut for wire in waiting]


def test_beyond_a_number_the_first_is_cut() -> None:
    held, waiting = Unfinished(3, 100), wires(5)
    for wire in waiting:
        held.begin(wire)
    assert cut(waiting) == [True, True, False, False, False]


def test_beyond_a_number_of_bytes_the_first_is_cut_whatever_it_holds() -> None:
    held, waiting = Unfinished(10, 100), wires(4)
    for wire in waiting:
        held.begin(wire, 20)
    held.hold(waiting[3], 30)
    assert cut(waiting) == [True, False, False, False]
    held.hold(waiting[2], 20)
    assert cut(waiting) == [True, True, False, False]
    # What was cut counts no more, whatever comes of it.
    held.hold(waiting[0], 1000)
    held.end(waiting[0])
    assert cut(waiting) == [True, True, False, False]


def test_who_ends_or_begins_anew_is_not_first() -> None:
    held, waiting = Unfinished(2, 100), wires(3)
    first, second, third = waiting
    held.begin(first, 90)
    held.begin(second)
    held.begin(first, 90)
    held.begin(third)
    assert cut(waiting) == [False, True, False]
    held.end(first)
    held.end(first)
    held.begin(second, 100)
    assert cut(waiting) == [False, True, False]
    held.hold(third, 1)
    assert cut(waiting) == [False, True, True]


def test_one_alone_that_holds_too_much_is_cut() -> None:
    held, (wire, other) = Unfinished(2, 100), wires(2)
    held.begin(wire, 101)
    assert wire.is_cut
    held.begin(other, 100)
    assert not other.is_cut
