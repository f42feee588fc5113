"""Our own mechanism, made wrong in one place each: by replacing one of its functions, never by editing it."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from hansa.core.draws import Draws
from hansa.engines.network.privacy_ledger import PrivacyLedger
from hansa.horizontal.noise import Noise
from hansa.links import noise as noise_links
from hansa.privacy import sampling
from hansa.trainers import ghost, private

WRITE = ghost.write_clipped
NORMAL, SAMPLES = sampling.Secret.normal, sampling.Secret.samples
NOISED = noise_links.noised


def no_clip(patch):
    """Gradients are not cut."""
    patch.setattr(private, "write_clipped", lambda layers, clip, group=None: WRITE(layers, 1e12, group))


def clip_of_the_mean(patch):
    """The sum of a batch is cut, and not each row of it."""

    def write(layers, clip, group=None):
        del group
        WRITE(layers, clip * len(layers[0].error), np.zeros(len(layers[0].error), np.intp))

    patch.setattr(private, "write_clipped", write)


def customers_by_row(patch):
    """Each row of a customer is cut by itself."""
    patch.setattr(private, "write_clipped", lambda layers, clip, group=None: WRITE(layers, clip))


def trained(patch, *, sigma=None, divisor=None, skips=False):
    """A party's training as the mechanism has it, word for word but for these; with none of them it is right."""

    def train(goal, units, local, pull):
        own, secret = units.private, sampling.Secret()
        w = pull.begin()
        model, dtype = goal.bind(w), w.dtype.name
        optimiser = private.optimizer(local, 1, len(w), private.Memory(dtype))
        scale = own.noise_multiplier * own.clip if sigma is None else sigma(own)
        for step, batch in enumerate(units.batches(secret, own.steps(local))):
            g, size = np.zeros_like(w), 0
            for rows in batch:
                g += model.sum(rows, own.clip)
                size += rows.rows
            if not (skips and size == 0):
                g += secret.normal(len(w), dtype) * scale
            g /= local.batch if divisor is None else divisor(size)
            pull.add(w, g)
            optimiser.move(w[None, :], g[None, :], slice(0, 1), step)
        return w - pull.origin

    patch.setattr(private, "_train", train)


def noise_without_the_clip(patch):
    """The noise is of the multiplier alone."""
    trained(patch, sigma=lambda own: own.noise_multiplier)


def noise_on_the_mean(patch):
    """Noise for the mean of a batch is added to its sum."""
    trained(patch, sigma=lambda own: own.noise_multiplier * own.clip / 50)


def divided_by_its_size(patch):
    """The divisor is the realised size of a batch."""
    trained(patch, divisor=lambda size: max(size, 1))


def no_noise_for_nobody(patch):
    """A step whose batch is empty is left out, noise and all."""
    trained(patch, skips=True)


def shuffled(patch):
    """Batches of a fixed size, which are accounted as Poisson samples."""

    def samples(self, rate, n, steps):
        return (np.sort(np.random.default_rng().permutation(n)[: round(rate * n)]) for _ in range(steps))

    patch.setattr(sampling.Secret, "samples", samples)


def sampled_more(patch):
    """The rate that is told is smaller than the one that is used."""
    patch.setattr(sampling.Secret, "samples", lambda self, rate, n, steps: SAMPLES(self, min(1.5 * rate, 1), n, steps))


def noise_from_the_seed(patch):
    """Noise is drawn from the job's seed: two runs have the same."""
    rounds = iter(range(10**6))
    patch.setattr(
        sampling.Secret,
        "normal",
        lambda self, n, dtype: Draws(7, "noise", next(rounds) % 15).normal("n", n).astype(dtype),
    )


def noise_reused(patch):
    """Every step adds the same noise."""
    patch.setattr(sampling.Secret, "normal", lambda self, n, dtype: ONCE[:n].astype(dtype))


ONCE = np.random.default_rng().normal(size=20_000)


def half_the_noise(patch):
    """The multiplier is taken for a variance, or halved somewhere."""
    patch.setattr(sampling.Secret, "normal", lambda self, n, dtype: NORMAL(self, n, dtype) / 2)


def coordinator_forgets_the_bound(patch):
    """The noise on the sum is of the multiplier alone, whatever the bound is."""
    patch.setattr(noise_links, "noised", lambda flat, bound, multiplier: NOISED(flat, 1.0, multiplier))


def survivors_ignored(patch):
    """A party's share is a part of the noise by all that were invited, and not by the fewest that may be left."""
    share = noise_links.distributed_noise._share

    def all_of_them(self, row, bound):
        return share(replace(self, parties=self.parties + 1), row, bound)

    patch.setattr(noise_links.distributed_noise, "_share", all_of_them)


def bare_count(patch):
    """The count behind an adaptive bound is not noised."""
    patch.setattr(noise_links, "noised_counts", lambda counts, change, multiplier: counts)


def geometric_by_the_root(patch):
    """Geometric noise grows with the root of the columns that a record is counted in, as Gaussian noise does."""
    patch.setattr(Noise, "change", lambda self, figures: max(self.customer_rows, 1) * sqrt(figures))


def customers_of_one_row(patch):
    """The noise on counts is as if each customer had one row."""
    change = Noise.change
    patch.setattr(Noise, "change", lambda self, figures: change(replace(self, customer_rows=0), figures))


def noise_for_one_column(patch):
    """The noise on counts is as if there were one column."""
    counts = Noise.counts
    patch.setattr(Noise, "counts", lambda self, told, figures: counts(self, told, 1))


def ledger_reset(patch):
    """A bank's ledger begins anew when its node does."""
    begun, rows = PrivacyLedger.__init__, PrivacyLedger._rows

    def begin(self, *words, **settings):
        begun(self, *words, **settings)
        self.since = self.head()[0]

    patch.setattr(PrivacyLedger, "__init__", begin)
    patch.setattr(PrivacyLedger, "_rows", lambda self: [row for row in rows(self) if row[0] > self.since])


def charged_by_round(patch):
    """All answers of a round are charged as one."""
    add = PrivacyLedger.add
    patch.setattr(
        PrivacyLedger, "add", lambda self, at, one: add(self, at, replace(one, name=one.name._replace(turn=0)))
    )


def charged_in_part(patch):
    """Of an answer that two mechanisms have made, one is charged."""
    add = PrivacyLedger.add

    def first(self, at, one):
        add(self, at, replace(one, part=replace(one.part, events=one.part.events[:1])))

    patch.setattr(PrivacyLedger, "add", first)
