"""Asks and answers inside a frame: every kind of the house travels, and nothing else is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from hansa.core.bodies import ask_body, ask_of, word_body, word_of
from hansa.core.load import Load
from hansa.core.message import Answer, Ask, Masked, Name, Refusal, Sealed
from hansa.core.trainer import Local
from hansa.core.wire import Parcel, read
from hansa.errors import WireError
from hansa.horizontal.columns import Coding, Scaled
from hansa.horizontal.evaluate import Compare, Losses, Scores
from hansa.horizontal.fitter import Adopt, Below, Count, Describe, Spread
from hansa.horizontal.fitting import Fit, Want
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rounds import Rounds, Train
from hansa.horizontal.shape import Shape


def travelled(body):
    parcel = Parcel("Ask", "", Name(0, 0, 0), "coordinator", "bank-a", 0, body)
    return read(b"".join(parcel.frame())).body


def kinds(*asks):
    return {type(ask).__name__: type(ask) for ask in asks}


WANT = Want("age", "bins", special_codes=(-9.0,))
ASKS = [
    Describe(),
    Count((WANT,)),
    Below({"age": np.array([30.0, 60.0])}, {"age": (-9.0,)}),
    Spread((Fit(WANT, np.zeros(4), 10, centre=40.0),)),
    Adopt(Prepared((Scaled("收入", 40.0),), dropped={"x": "it is constant"})),
    Shape(),
    Losses(np.ones(3, np.float32)),
    Scores(np.ones(3), np.array([1, 2], np.uint64)),
    Compare(np.ones(3)),
]


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: type(ask).__name__)
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_ask_arrives_as_it_was_sent(ask, wrapped):
    sent = Masked(ask, {"bank-b": b"sealed"}) if wrapped else ask
    found = ask_of(travelled(ask_body(sent)), kinds(ask))
    assert repr(found) == repr(sent)


def test_train_arrives_with_its_local_and_what_links_tell():
    (kind,) = [kind for kind in Rounds().handlers() if kind is Train]
    ask = Train(np.ones(4, np.float32), 3, Local(epochs=2, batch=8), told=({"x": np.ones(2)}, {}))
    found = ask_of(travelled(ask_body(ask)), {"Train": kind})
    assert repr(found) == repr(ask)


def test_answers_and_refusals_arrive_with_their_mail():
    answer = Answer(Load({"delta": np.ones((1, 3), np.float32)}), {"bank-b": Sealed(b"secret")})
    found = word_of(travelled(word_body(answer)))
    assert repr(found) == repr(answer)
    refusal = Refusal("Not on a Sunday.", "It is the rule.", "Ask on Monday.")
    assert word_of(travelled(word_body(refusal))) == refusal


@dataclass(frozen=True)
class Odd(Ask):
    rows: int


LIES = [
    None,
    [],
    {"kind": "Prune", "ask": {}},
    {"kind": ["Odd"], "ask": {"rows": 1}},
    {"kind": "Odd"},
    {"kind": "Odd", "ask": {"rows": "many"}},
    {"kind": "Odd", "ask": {"rows": 1, "path": "/"}},
    {"kind": "Odd", "ask": {}},
    {"kind": "Masked"},
    {"kind": "Masked", "inner": {"kind": "os.system", "ask": {}}},
    {"kind": "Masked", "inner": {"kind": "Odd", "ask": {"rows": 1}}, "letters": {"bank-b": "text"}},
    {"kind": "Masked", "inner": {"kind": "Odd", "ask": {"rows": 1}}, "letters": [b"sealed"]},
]


@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_ask_of_the_job_is_refused(lie):
    with pytest.raises(WireError):
        ask_of(lie, {"Odd": Odd})


@pytest.mark.parametrize(
    "lie",
    [
        None,
        {"refusal": "no"},
        {"refusal": ["no"]},
        {"refusal": ["no", 1, ""]},
        {"load": []},
        {"load": {"x": [1.0]}},
        {"load": {"x": np.ones(3)}},
        {"load": {"x": np.ones((1, 2)), "y": np.ones((2, 2))}},
        {"load": {}, "mail": {"b": "text"}},
        {"load": {}, "mail": []},
    ],
)
def test_what_is_neither_answer_nor_refusal_is_refused(lie):
    with pytest.raises(WireError):
        word_of(lie)


def test_codings_are_part_of_no_ask():
    with pytest.raises(WireError):
        ask_of({"kind": "Coding", "ask": {}}, kinds(*ASKS))
    assert Coding().how == "default"


def test_a_refusal_keeps_the_kind_of_error_that_made_it():
    for said in (Refusal("No.", "Why.", "Mend."), Refusal("No.", error="DataError")):
        assert word_of(word_body(said)) == said
    for words in (["No.", "", ""], ["No.", "", "", "DataError"]):
        assert word_body(word_of({"refusal": words})) == {"refusal": words}
    for words in (["No."], ["No.", "", "", "DataError", "more"], ["No.", "", "", 7]):
        with pytest.raises(WireError):
            word_of({"refusal": words})


@pytest.mark.parametrize("kind", [np.zeros(3), np.array(1), 7, ["Masked"], None])
def test_a_kind_that_is_no_text_is_a_wire_error(kind):
    with pytest.raises(WireError, match="kind"):
        ask_of({"kind": kind, "ask": {}}, {})
