"""The trained models behind one interface: inputs in, log-odds of a struggle out, with each input's share of them."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.models.linear import LinearModel, input_values
from americano_assets.core.models.trees import TreeModel

ReadFile = Callable[[str], bytes]


class LogOddsModel(Protocol):
    """A fitted model before calibration."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input columns."""
        ...

    @property
    def mean(self) -> FloatArray:
        """Mean of each input over the training rows, shape (inputs,)."""
        ...

    @property
    def baseline(self) -> float:
        """Log-odds to which a row's contributions are added."""
        ...

    def log_odds(self, rows: pd.DataFrame) -> FloatArray:
        """Shape (n,)."""
        ...

    def log_odds_of(self, values: FloatArray) -> FloatArray:
        """Shape (n,), where the rows' `input_values` are there already."""
        ...

    def contributions(self, rows: pd.DataFrame) -> FloatArray:
        """Each input's share, shape (n, inputs); with the baseline they add up to the log-odds."""
        ...


@dataclass(frozen=True)
class BlendModel:
    """The mean of several models' log-odds; its contributions are the mean of theirs."""

    parts: tuple[LogOddsModel, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Those of its parts, which agree."""
        return self.parts[0].inputs

    @property
    def mean(self) -> FloatArray:
        """Of the rows on which its parts were fitted."""
        return self.parts[0].mean

    @property
    def baseline(self) -> float:
        """Mean of the parts' baselines."""
        return float(np.mean([part.baseline for part in self.parts]))

    def log_odds(self, rows: pd.DataFrame) -> FloatArray:
        """Shape (n,)."""
        return self.log_odds_of(input_values(rows, self.inputs))

    def log_odds_of(self, values: FloatArray) -> FloatArray:
        """Shape (n,), of `input_values`."""
        total: FloatArray = np.mean([part.log_odds_of(values) for part in self.parts], axis=0)
        return total

    def contributions(self, rows: pd.DataFrame) -> FloatArray:
        """Shape (n, inputs)."""
        total: FloatArray = np.mean([part.contributions(rows) for part in self.parts], axis=0)
        return total


def to_json(model: LogOddsModel) -> dict[str, Any]:
    """A model as JSON-able values; trees are named by their content, which `files_of` gives."""
    if isinstance(model, LinearModel):
        return {"kind": "linear", **model.to_json()}
    if isinstance(model, TreeModel):
        return {
            "kind": "trees",
            "inputs": list(model.inputs),
            "mean": model.mean.tolist(),
            "baseline": model.baseline,
            "file": content_name(model.content),
        }
    if isinstance(model, BlendModel):
        return {"kind": "blend", "parts": [to_json(part) for part in model.parts]}
    raise TypeError(f"no file format for {type(model).__name__}")


def from_json(content: Mapping[str, Any], read: ReadFile) -> LogOddsModel:
    """Read back what `to_json` gave; `read` returns the bytes of a file by its name."""
    kind = content["kind"]
    rest = {name: value for name, value in content.items() if name != "kind"}
    if kind == "linear":
        return LinearModel.from_json(rest)
    if kind == "trees":
        return TreeModel(
            tuple(rest["inputs"]), np.array(rest["mean"], dtype=float), rest["baseline"], read(rest["file"])
        )
    if kind == "blend":
        return BlendModel(tuple(from_json(part, read) for part in rest["parts"]))
    raise ValueError(f"unknown kind of model: {kind}")


def files_of(model: LogOddsModel) -> dict[str, bytes]:
    """The files that a model's JSON names."""
    if isinstance(model, TreeModel):
        return {content_name(model.content): model.content}
    if isinstance(model, BlendModel):
        return {name: content for part in model.parts for name, content in files_of(part).items()}
    return {}


def content_name(content: bytes) -> str:
    """SHA-256 of a file, in hexadecimal: its name."""
    return hashlib.sha256(content).hexdigest()
