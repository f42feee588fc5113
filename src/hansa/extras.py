"""Optional libraries: one sentence when one is missing, and it names the extra that brings it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hansa.errors import ConfigError


def need(module: str, extra: str) -> Any:
    """Import an optional library, or say how to install it.

    Raises:
        ConfigError: it is not installed; names the extra.

    Example:
        >>> need("json", "torch").dumps([1])
        '[1]'
        >>> need("no_such_library", "torch")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: This needs 'no_such_library', which is not installed. pip install 'hansa[torch]'
    """
    try:
        return import_module(module)
    except ImportError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ConfigError(
            f"This needs '{module}', which is not installed.", mend=f"pip install 'hansa[{extra}]'"
        ) from None
