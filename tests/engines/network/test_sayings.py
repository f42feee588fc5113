"""What two ends say to each other reads back, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Masked, Name, Refusal
from hansa.core.wire import read
from hansa.engines.network.sayings import (
    VERSION,
    ask_parcel,
    envelope_in,
    holds_in,
    plainly,
    said_in_parcel,
    sequence_of,
    word_parcel,
)
from hansa.errors import WireError
from hansa.horizontal.evaluate import Losses
from hansa.horizontal.shape import Shape

NAMES = st.builds(Name, st.integers(0, 255), st.integers(0, 2**31 - 1), st.integers(0, 65535), st.integers(0, 255))
KINDS = {"Shape": Shape, "Losses": Losses}


def travelled(parcel):
    return read(b"".join(parcel.frame()))


@given(NAMES, NAMES)
def test_sequences_are_in_the_order_of_names(one, two):
    assert (sequence_of(one) < sequence_of(two)) == (one < two)
    assert sequence_of(one) < 2**63


@pytest.mark.parametrize("name", [Name(256, 0, 0), Name(0, 2**31, 0), Name(0, 0, 0, -1)])
def test_a_name_beyond_what_a_stream_can_tell_apart_is_refused(name):
    with pytest.raises(WireError, match="more asks"):
        sequence_of(name)


@pytest.mark.parametrize("ask", [Shape(), Losses(np.ones(3)), Masked(Shape())])
def test_an_ask_arrives_with_what_has_counted(ask):
    envelope = Envelope(Name(1, 2, 3), ask, (Name(0, 1, 0), Name(1, 1, 0, 2)))
    found = envelope_in(travelled(ask_parcel("ab", envelope, "coordinator", "bank-a")), KINDS)
    assert repr(found) == repr(envelope)


@pytest.mark.parametrize("said", [Refusal("No.", "Why.", "Mend."), Answer(Load({"x": np.ones((1, 2))}))])
def test_a_word_arrives_with_the_kind_of_its_ask(said):
    parcel = travelled(word_parcel("ab", Name(0, 1, 2), "Train", said, "bank-a", "coordinator"))
    assert repr(said_in_parcel(parcel)) == repr(("Train", said))
    assert (parcel.name, parcel.sequence) == (Name(0, 1, 2), sequence_of(Name(0, 1, 2)))


@pytest.mark.parametrize(
    "body", [None, {}, {"ask": {}}, {"ask": {}, "counted": [[1, 2]]}, {"ask": {}, "counted": [[-1] * 4]}]
)
def test_what_is_no_ask_is_refused(body):
    with pytest.raises(WireError):
        envelope_in(plainly("Ask", "coordinator", "bank-a", body=body), KINDS)


@pytest.mark.parametrize("body", [None, {"kind": 1}, {"kind": "Train"}, {"kind": "Train", "word": {"load": 1}}])
def test_what_is_no_word_is_refused(body):
    with pytest.raises(WireError):
        said_in_parcel(plainly("Word", "bank-a", "coordinator", body=body))


@pytest.mark.parametrize(
    "body",
    [None, {}, {"version": VERSION + 1, "holds": {}}, {"version": VERSION}, {"version": VERSION, "holds": {"a": -1}}],
)
def test_another_version_or_what_cannot_be_read_is_refused(body):
    with pytest.raises(WireError):
        holds_in(plainly("Hello", "bank-a", "coordinator", body=body))


@pytest.mark.parametrize("version", [np.ones(3), True, 1.0, "1", None, 2])
def test_a_version_that_is_not_this_one_is_a_wire_error(version):
    with pytest.raises(WireError, match="another version"):
        holds_in(plainly("Hello", "bank-a", "coordinator", body={"version": version, "holds": {}}))
