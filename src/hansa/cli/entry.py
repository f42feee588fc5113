"""Where `hansa` begins: what it stands on is loaded inside, so that Ctrl-C is told from the first moment on."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Load the verbs and run the command line; one line and exit code 130 if that is interrupted."""
    try:
        from hansa.cli.main import main as verbs

        verbs()
    except KeyboardInterrupt:
        sys.stderr.write("hansa: stopped.\n")
        raise SystemExit(INTERRUPTED) from None
