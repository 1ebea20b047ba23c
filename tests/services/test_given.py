"""The list of what runs on servers names what there is."""

import pytest

from tests.services.given import NAMED
from tests.surroundings import ROOT


@pytest.mark.parametrize("named", NAMED)
def test_what_is_named_is_there(named: str) -> None:
    module, _, test = named.partition("::")
    assert f"def {test}" in (ROOT / module).read_text()
