"""The corpus again, and some seconds of new inputs; `make fuzz` goes on for longer."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")
# A hang would stop everybody: no input of this size may take longer.
MOST_SECONDS = 2.0


def kept(name: str) -> list[bytes]:
    """Return what `make fuzz` found and somebody kept."""
    return [file.read_bytes() for file in sorted((CORPUS / name).glob("*"))]


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_refused_as_documented(name: str) -> None:
    for data in SEEDS[name] + kept(name):
        began = time.process_time()
        TARGETS[name](data)
        assert time.process_time() - began < MOST_SECONDS


def test_every_target_has_a_seed() -> None:
    assert set(SEEDS) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_changed_seeds_are_refused_as_documented(name: str) -> None:
    seeds = [seed[:4096] for seed in SEEDS[name]]

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(st.sampled_from(seeds), st.integers(0, 4096), st.binary(max_size=12))
    def changed(seed: bytes, place: int, piece: bytes) -> None:
        TARGETS[name](seed[:place] + piece + seed[place:])
        TARGETS[name](seed[:place] + piece + seed[place + len(piece) :])

    changed()


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_documented(name: str, data: bytes) -> None:
    TARGETS[name](data)
