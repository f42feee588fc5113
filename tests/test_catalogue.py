"""Every name in the table leads somewhere and back."""

from __future__ import annotations

import pytest

from hansa import catalogue
from hansa.errors import ConfigError

NAMES = [(kind, name) for kind, parts in catalogue.PARTS.items() for name in parts]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_name_resolves_and_is_called_so(kind, name):
    assert catalogue.name_of(catalogue.part(name)) == name


def test_names_are_used_once_over_all_kinds():
    assert len({name for _, name in NAMES}) == len(NAMES)


def test_a_part_of_another_kind_does_not_fit():
    from hansa.core.link import Link
    from hansa.core.trainer import Trainer

    median = catalogue.part("coordinate_median")
    assert catalogue.fits(median, Link)
    assert not catalogue.fits(median, Trainer)


def test_an_unknown_name_is_told_its_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'tabular'"):
        catalogue.part("tabula", "trainer")
