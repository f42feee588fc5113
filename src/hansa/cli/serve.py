"""`hansa serve`: a scorecard that answers over HTTP."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, final

import typer

from hansa.cli.runs import REGISTRY, ModelAt, RegistryAt, model_in
from hansa.cli.talk import stderr
from hansa.errors import ConfigError

_HERE: Final = ("127.0.0.1", "localhost")


@final
@dataclass(frozen=True)
class Serve:
    """Answer scores, grades, points and reasons over HTTP: POST /score a row, POST /scores a list, GET /healthz.

    It tells nobody who asks who they are: keep it behind a gateway that does. It logs no request.
    """

    example: ClassVar[str] = "hansa serve runs/20260131-142530-scorecard --port 7500"

    model: ModelAt
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 finds a free one.")] = 7500
    to_others: Annotated[
        bool, typer.Option("--to-others", help="Let the address be one that other machines reach.")
    ] = False
    most: Annotated[int, typer.Option(min=1, max=100_000, help="The most rows of a request.")] = 1000
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse values outside the job's schema, which are only named otherwise.")
    ] = False
    registry: RegistryAt = REGISTRY

    def do(self) -> None:
        """Load, bind, and answer until stopped."""
        from hansa.apps.answering import Answering
        from hansa.extras import need

        if self.host not in _HERE and not self.to_others:
            raise ConfigError(
                "Other machines would reach this address.", "Nobody who asks is identified.", "Add --to-others."
            )
        answering = Answering.of(model_in(self.model, (), self.registry), self.most, strict=self.strict)
        http = need("hansa.apps.on_http")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as at:
            at.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                at.bind((self.host, self.port))
                at.listen()  # who comes from now on waits until it answers
            except OSError as error:
                raise ConfigError(
                    f"Nothing can listen at {self.host}:{self.port}.", f"{error.strerror}.", "Choose another --port."
                ) from None
            signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it anew once all is answered
            say = stderr()
            say.print(f"Listening at http://{self.host}:{at.getsockname()[1]}", soft_wrap=True, markup=False)
            http.listen(http.service(answering, lambda told: say.print(f"Answered: {told}.", soft_wrap=True)), at)
