"""What secure sums are made of: shares of a secret, fixed point in a ring, masks, and the protocol over them."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, final

from hansa.extras import need


@final
class _Room(ModuleType):
    """A room that is also a verb of the face: `hansa.privacy(job)` is the job's privacy statement."""

    def __call__(self, job: Any) -> Any:
        return need("hansa.running.privacy").privacy(job)


sys.modules[__name__].__class__ = _Room
