"""A word at rest belongs to one job, ask and party, and its digest to all of these."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.message import Answer, Name, Refusal, Sealed
from hansa.engines.network.sheet import digest_of, lay_out, pick_up
from hansa.engines.network.words import Word, said_in, tree_of
from hansa.errors import DataError

NAME = Name(1, 2, 3, 4)
ANSWER = Answer(Load({"delta": np.arange(3.0)[None, :]}), {"bank-b": Sealed(b"secret")})


@pytest.mark.parametrize("said", [ANSWER, Refusal("No.", "It is Sunday.", "Ask on Monday.")], ids=["answer", "refusal"])
def test_what_was_said_is_read_again(said):
    tree = tree_of("5e1f", Word(NAME, "bank-a", "Train", said))
    layout = lay_out(tree)
    data = b"".join(layout.pieces(layout.digests()))
    found = said_in(pick_up(data, digest_of(tree)), "5e1f", NAME, "bank-a")
    if isinstance(said, Refusal):
        assert found == said
    else:
        assert found.load["delta"].tolist() == [[0.0, 1.0, 2.0]]
        assert found.mail == said.mail


def test_the_digest_covers_whose_word_it_is_and_on_which_ask_but_not_the_kind():
    words = [
        ("5e1f", Word(NAME, "bank-a", "Train", ANSWER)),
        ("5e1f", Word(NAME, "bank-b", "Train", ANSWER)),
        ("5e1f", Word(Name(1, 2, 3, 5), "bank-a", "Train", ANSWER)),
        ("aaaa", Word(NAME, "bank-a", "Train", ANSWER)),
    ]
    digests = {digest_of(tree_of(*word)) for word in words}
    assert len(digests) == 4
    assert digest_of(tree_of("5e1f", Word(NAME, "bank-a", "", ANSWER))) in digests


@pytest.mark.parametrize("tree", [None, [], {}, {"job": "5e1f", "name": list(NAME), "party": "bank-a"}, 7])
def test_what_is_no_word_is_a_data_error(tree):
    with pytest.raises(DataError):
        said_in(tree, "5e1f", NAME, "bank-a")


def test_a_word_under_anothers_name_is_told():
    tree = tree_of("5e1f", Word(NAME, "bank-a", "Train", ANSWER))
    for other in (("aaaa", NAME, "bank-a"), ("5e1f", Name(0, 0, 0), "bank-a"), ("5e1f", NAME, "bank-b")):
        with pytest.raises(DataError, match="another ask or party"):
            said_in(tree, *other)
