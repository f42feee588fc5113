"""What parties say to each other is frozen and named."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Masked, Name, Refusal


def test_messages_are_frozen():
    for message in (Masked(None), Refusal("No."), Answer(Load({})), Envelope(Name(0, 0, 0), Masked(None))):
        with pytest.raises(FrozenInstanceError):
            message.x = 1


def test_names_sort_by_step_keep_turn_and_attempt():
    assert Name(0, 9, 9) < Name(1, 0, 0) < Name(1, 0, 0, attempt=1) < Name(1, 1, 0)
