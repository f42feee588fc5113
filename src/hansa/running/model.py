"""A model as it is kept: the preparation, the trainer, the parameters, and where they come from.

A model folder holds `manifest.json` (readable: columns, trainer, digests, privacy statement) and `model.safetensors`
(parameters and fitted preparation). Nothing in it is code, and loading runs none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from hansa.core.codec import build, pack, plain, unpack
from hansa.core.contract import Contract
from hansa.core.pytree import unravel
from hansa.core.trainer import Chooser, Exporter, Holder, Trainer
from hansa.data.frames import from_frame
from hansa.errors import ConfigError, DataError, HansaError, PolicyRefusal, WireError
from hansa.horizontal.card import Card
from hansa.horizontal.prepared import Prepared, told
from hansa.horizontal.reasons import Reasons, Reference
from hansa.horizontal.rounds import Learning
from hansa.horizontal.training import layout_of
from hansa.own_parts import allowing
from hansa.running.files import write_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.pytree import Params

FORMAT = 1


@final
@dataclass(frozen=True)
class Model:
    """Parameters `[d]` of a trainer over `width` columns, which the fitted preparation makes of a table.

    `facts`: where the model comes from, as the manifest tells it.

    Example:
        >>> from hansa.trainers import Linear
        >>> model = Model(Linear(), np.array([1.0, 0.0]), 1)
        >>> model.predict_proba({"x": [0.0, 0.0]}).tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """

    trainer: Trainer
    params: NDArray[np.floating]
    width: int
    prepared: Prepared | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters_sha256(self) -> str:
        """SHA-256 over the parameters as little-endian bytes, as hex."""
        little = self.params.astype(self.params.dtype.newbyteorder("<"), copy=False)
        return sha256(np.ascontiguousarray(little).tobytes()).hexdigest()

    @property
    def tree(self) -> Params:
        """The parameters as the trainer nests them."""
        return unravel(layout_of(self._told, self.width), self.params)

    @property
    def _told(self) -> Trainer:
        return told(self.trainer, self.prepared)

    def design(self, data: Any) -> NDArray[np.floating]:
        """The prepared columns `[rows, width]` of a frame, in the trainer's precision.

        Where the job had a schema, its codes for gaps are gaps here too.

        Raises:
            DataError: a column that the model needs is missing, or of another kind.
        """
        table = from_frame(data)
        if "schema" in self.facts:
            agreed: Contract = build(Contract, self.facts["schema"], "schema")
            table = agreed.read(table)
        if self.prepared is not None:
            return self.prepared.transform(table).astype(self.trainer.dtype, copy=False)
        if len(table.features) != self.width:
            raise DataError(f"The model reads {self.width} columns and the table has {len(table.features)}.")
        return table.matrix(table.features).astype(self.trainer.dtype)

    def margin(self, data: Any) -> NDArray[np.floating]:
        """The score before squashing, `[rows]` or `[rows, classes]`."""
        margin: NDArray[np.floating] = self._told.margin(self.tree, self.design(data))
        return margin

    def predict_proba(self, data: Any) -> NDArray[np.floating]:
        """The probability of each class, `[rows, classes]`; of a yes-or-no target, no and yes.

        Raises:
            DataError: the model predicts values, not classes; or a column is missing.
        """
        if self.trainer.task == "regression":
            raise DataError("The model predicts values, so it has no probabilities.", mend="Call predict.")
        chance = self._predicted(data)
        return chance if chance.ndim == 2 else np.stack([1 - chance, chance], axis=1)

    def predict(self, data: Any) -> NDArray[np.floating]:
        """The most probable class, or the value, `[rows]`."""
        if self.trainer.task == "regression":
            return self._predicted(data)
        best: NDArray[np.float64] = np.argmax(self.predict_proba(data), axis=1).astype(np.float64)
        return best

    def _predicted(self, data: Any) -> NDArray[np.floating]:
        predicted: NDArray[np.floating] = self._told.predict(self.tree, self.design(data))
        return predicted

    def learning(self) -> Learning:
        """The model as a beginning for further rounds."""
        return Learning(self.width, self.params)

    def save(self, folder: str | Path) -> Path:
        """Write `manifest.json` and `model.safetensors` into a folder, each whole or not at all."""
        folder = Path(folder)
        tensors = {"params": np.ascontiguousarray(self.params)}
        if self.prepared is not None:
            tensors["prepared"] = np.frombuffer(pack(self.prepared), np.uint8)
        body = save_tensors(tensors)
        manifest = {
            "format": FORMAT,
            "trainer": _named(self.trainer, self.facts),
            "held_sha256": _held(self._told, self.width),
            "width": self.width,
            "columns": list(self.prepared.columns) if self.prepared is not None else None,
            "outputs": list(self.prepared.names) if self.prepared is not None else None,
            "parameters_sha256": self.parameters_sha256,
            "tensors_sha256": sha256(body).hexdigest(),
            **self.facts,
        }
        write_bytes(folder / "model.safetensors", body)
        write_bytes(folder / "manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False).encode())
        return folder

    @property
    def card(self) -> Card | None:
        """The scorecard that it is; None where it is none.

        Raises:
            DataError: its points are not those that the model scores by.
        """
        if "card" not in self.facts:
            return None
        card: Card = build(Card, self.facts["card"], "card")
        if self.prepared is None or card.codings != self.prepared.encodings:
            raise DataError("The card in the model's manifest is not the model's own.", mend="Copy the folder again.")
        return card

    @property
    def reasons(self) -> Reasons | None:
        """The reasons for a decline by its card; None where the job had no step that finds their reference.

        Raises:
            DataError: the card or the reference is not the model's own, or nobody could be counted for it.
        """
        card = self.card
        if card is None or "reference" not in self.facts:
            return None
        return Reasons(card, build(Reference, self.facts["reference"], "reference"))

    @property
    def training(self) -> str:
        """Whether parties are trained as a stack or one after another, and why; empty where there is no choice.

        Example:
            >>> from hansa.trainers import Linear
            >>> Model(Linear(), np.array([1.0, 0.0]), 1).training
            ''
        """
        known = self._told
        return known.how(self.width) if isinstance(known, Chooser) else ""

    def export(self, path: str | Path) -> Path:
        """Write the model as ONNX: rows as `design` prepares them in, what it predicts out; whole or not at all.

        The preparation is no part of it: the file's metadata names the columns of `X`.

        Raises:
            ConfigError: the trainer has no networks that ONNX knows, or the extra `onnx` is not installed.

        Example:
            >>> from hansa.trainers import Linear
            >>> Model(Linear(), np.array([1.0, 0.0]), 1).export("scores.onnx")
            Traceback (most recent call last):
                ...
            hansa.errors.ConfigError: A linear model is not exported. Only networks of torch are. Score with hansa.
        """
        known = self._told
        if not isinstance(known, Exporter):
            name = type(known).__name__.lower()
            raise ConfigError(f"A {name} model is not exported.", "Only networks of torch are.", "Score with hansa.")
        write_bytes(Path(path), known.onnx(self.tree, self.width))
        return Path(path)


def load(folder: str | Path, trainer: Trainer | None = None, *, parts: Mapping[str, str] | None = None) -> Model:
    """Read a model folder; checks digests and runs no code: a network of one's own is passed as the `trainer`.

    `parts`: parts of one's own that the model may name, `{name: SHA-256 of its module's file}`.

    Raises:
        DataError: no model folder, or one that is damaged or of a newer format.
        ConfigError: the model needs a `trainer`, or is not of the one that was passed.
        PolicyRefusal: it names a part of one's own that is not allowed.

    Example:
        >>> import tempfile
        >>> from hansa.trainers import Linear
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     load(Model(Linear(), np.array([0.0, 1.0]), 1).save(folder)).width
        1
    """
    folder = Path(folder)
    try:
        text, body = (folder / "manifest.json").read_bytes(), (folder / "model.safetensors").read_bytes()
    except OSError:
        raise DataError(f"There is no model in '{folder}'.", mend="Give the folder that holds manifest.json.") from None
    damaged = DataError(f"The model in '{folder}' is damaged.", mend="Copy it again from where it was made.")
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        raise damaged from None
    if trainer is None and isinstance(manifest, dict) and manifest.get("trainer", "") is None:
        raise ConfigError(
            "The model is a network of your own, and no file holds code.",
            mend="Pass the trainer that made it: load(folder, trainer=hansa.on_torch(...)).",
        )
    try:
        with allowing(parts or {}):
            return _read(folder, manifest, body, trainer)
    except (HansaError, SafetensorError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, DataError | PolicyRefusal):
            raise
        if trainer is not None:
            raise ConfigError(
                f"The model in '{folder}' is not of the trainer that was passed.", mend="Pass the one that made it."
            ) from None
        raise damaged from None


def _read(folder: Path, manifest: Any, body: bytes, trainer: Trainer | None) -> Model:
    if manifest["format"] != FORMAT:
        raise DataError(f"The model in '{folder}' has format {manifest['format']}.", mend="Use a newer hansa.")
    if sha256(body).hexdigest() != manifest["tensors_sha256"]:
        raise DataError(f"The model in '{folder}' is damaged: its digest differs.", mend="Copy it again.")
    tensors, width = load_tensors(body), build(int, manifest["width"], "width")
    prepared = unpack(Prepared, tensors["prepared"].tobytes()) if "prepared" in tensors else None
    _check_width(width, tensors["params"], prepared)
    own = {"format", "trainer", "held_sha256", "width", "columns", "outputs", "parameters_sha256", "tensors_sha256"}
    facts = {key: value for key, value in manifest.items() if key not in own}
    known = trainer if trainer is not None else build(Trainer, manifest["trainer"], "trainer")
    model = Model(known, tensors["params"], width, prepared, facts)
    known = told(known, prepared)
    if layout_of(known, width).size != len(model.params) or _held(known, width) != manifest.get("held_sha256", ""):
        raise WireError("The parameters are not those of this trainer.")
    if model.parameters_sha256 != manifest["parameters_sha256"]:
        raise DataError(f"The parameters in '{folder}' are not those that the manifest names.", mend="Copy it again.")
    return model


def _check_width(width: int, params: NDArray[np.floating], prepared: Prepared | None) -> None:
    """Refuse a width that nothing else in the folder bears out, before anything of that width is made."""
    if params.ndim != 1 or not 1 <= width <= len(params) or (prepared is not None and prepared.width != width):
        raise WireError("The width is not that of the parameters or the preparation.")


def _named(trainer: Trainer, facts: Mapping[str, Any]) -> Any:
    """The trainer as a manifest can hold it; None for one that holds a network, loss or optimiser of somebody's own."""
    try:
        with allowing(facts.get("parts", {})):
            named = plain(trainer)
            return named if build(Trainer, named, "trainer") == trainer else None
    except (ConfigError, PolicyRefusal, TypeError):
        return None


def _held(trainer: Trainer, width: int) -> str:
    return trainer.held(width) if isinstance(trainer, Holder) else ""
