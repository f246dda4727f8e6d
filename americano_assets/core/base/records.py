"""Frames of few rows and many columns, where what pandas does for each column is what it costs."""

from typing import Any

import pandas as pd


def mappings(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows, a mapping each, with values of Python's own types and pandas' instants."""
    if frame.empty:
        return []
    names = [str(name) for name in frame]
    return [dict(zip(names, row, strict=True)) for row in zip(*(frame[name].tolist() for name in names), strict=True)]
