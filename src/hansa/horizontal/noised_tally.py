"""A scorecard's rows by noised counts: those of each outcome in bands of scores, once; both halves on this page.

What leaves a party: how many of its training and of its validation rows of each outcome score in each band, with noise.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hansa.data.parts import PARTS
from hansa.horizontal.design import parts_at
from hansa.horizontal.floors import floors_of
from hansa.horizontal.noised_scores import smoothed
from hansa.horizontal.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.party import Site
    from hansa.data.parts import Split
    from hansa.horizontal.card import Card
    from hansa.horizontal.design import Part
    from hansa.horizontal.noise import Noise


def band_of(card: Card) -> int:
    """How many scores are counted together: a quarter of a log odd, for finer bands tell less beside their noise.

    Example:
        >>> from hansa.horizontal.card import Card
        >>> band_of(Card((), base=600))
        7
    """
    return max(1, round(card.scaling.factor / 4))


def noised_bands(card: Card, site: Site, split: Split, parts: Sequence[Part], noise: Noise) -> NDArray[np.float64]:
    """A party's rows by part, outcome and band `[parts * 2 * bands]`, with noise; a row is in one count.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.core.party import Site
        >>> from hansa.core.table import Table
        >>> from hansa.data.parts import HashSplit
        >>> from hansa.horizontal.card import Card
        >>> from hansa.horizontal.noise import Noise
        >>> from hansa.horizontal.scorecard import MakeCard
        >>> table = Table.of({"late": [0, 0, 1], "__part__": [0, 0, 1]}, target="late")
        >>> site = Site("bank-a", Job("card", (MakeCard(),)), table)
        >>> noised_bands(Card((), base=600), site, HashSplit(), ("train", "validation"), Noise(0.0)).tolist()
        [2.0, 0.0, 0.0, 1.0]
    """
    codes, places, who = parts_at(site, split), [PARTS.index(part) for part in parts], floors_of(site).who
    rows = np.flatnonzero(np.isin(codes, places))
    rows = noise.rows(rows, None if who is None else who[rows])
    table, part = site.table.take(rows), np.searchsorted(places, codes[rows])
    bands = _bands(card)
    place = (card.score(table) - card.lowest) // band_of(card) + bands * (2 * part + (table.y() == 1))
    return noise.counts(np.bincount(place, minlength=2 * bands * len(parts)), 1)


def tally_of(card: Card, told: NDArray[np.float64], noise: Noise, parties: int) -> Tally:
    """The rows by score that summed counts `[2 * bands]` of one part stand for: spread evenly over each band.

    None where the rows of an outcome do not stand out of the noise.

    Example:
        >>> from hansa.horizontal.card import Card
        >>> from hansa.horizontal.noise import Noise
        >>> tally_of(Card((), base=600), np.array([90.0, 10.0]), Noise(1.0), parties=3).counts.tolist()
        [[90.0], [10.0]]
        >>> tally_of(Card((), base=600), np.array([90.0, 4.0]), Noise(1.0), parties=3).rows
        0.0
    """
    size, width, bands = card.highest - card.lowest + 1, band_of(card), _bands(card)
    counts = told.reshape(2, bands)
    if counts.sum(axis=1).min() < sqrt(bands) * noise.seen(1, parties):
        return Tally(card.lowest, np.zeros((2, size)))
    of = np.arange(size) // width
    return Tally(card.lowest, (smoothed(counts) / np.bincount(of))[:, of])


def _bands(card: Card) -> int:
    return (card.highest - card.lowest) // band_of(card) + 1
