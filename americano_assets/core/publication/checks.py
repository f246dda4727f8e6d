"""What must be true of a night's scored predictions before any learner sees them."""

import json
from collections import Counter
from collections.abc import Collection

import pandas as pd
import pandera.pandas as pa

from americano_assets.core.base.validation import Checked, checked
from americano_assets.core.models.rule_based import cold_start


class Judgement:
    """Why rows must not be published, added up a few rows at a time.

    Attributes:
        rules: What the rules of their table found.
    """

    def __init__(self, table: str, threshold: float, allowed: Collection[str]) -> None:
        """Nothing is looked at yet.

        Args:
            table: The table's name.
            threshold: The model's.
            allowed: Learners who may be analysed today.
        """
        self.rules = Checked(table, 0)
        self._threshold, self._allowed = threshold, allowed
        self._found: Counter[str] = Counter()

    def add(self, scored: pd.DataFrame, rules: Checked) -> None:
        """Look at some more rows, of which `rules` says what their table's found."""
        self.rules += rules
        if self.rules.bad:
            return
        against = scored["flagged"] != ((scored["probability"] >= self._threshold) & ~cold_start(scored))
        silent = scored.loc[scored["flagged"], "factors"].map(lambda text: not json.loads(text))
        self._found[f"rows are flagged against the threshold {self._threshold}"] += int(against.sum())
        self._found["rows of learners who opted out or are gone"] += int(
            (~scored["learner_id"].isin(self._allowed)).sum()
        )
        self._found["flagged rows say no reason"] += int(silent.sum())

    def problems(self, candidates: int, *, twice: int = 0) -> list[str]:
        """Why they must not be published, a sentence each; empty if they may.

        Args:
            candidates: Rows that the features hold: each must be scored.
            twice: Predictions that stand there more than once.
        """
        if self.rules.bad:
            return self.rules.told
        found = [f"{candidates} candidates, but {self.rules.rows} scored rows"] if self.rules.rows != candidates else []
        found += [f"{twice} predictions stand there more than once"] if twice else []
        return found + [f"{count} {told}" for told, count in self._found.items() if count]


def problems(
    scored: pd.DataFrame,
    schema: pa.DataFrameSchema,
    *,
    candidates: int,
    threshold: float,
    allowed: Collection[str],
    valid: bool = False,
) -> list[str]:
    """Why these rows must not be published, a sentence each; empty if they may.

    Args:
        scored: The rows.
        schema: Their Pandera model.
        candidates: Rows that the features hold: each must be scored.
        threshold: The model's.
        allowed: Learners who may be analysed today.
        valid: The rows are known to keep every rule of the schema, which is then not gone through.
    """
    judgement = Judgement(str(schema.name), threshold, allowed)
    judgement.add(scored, Checked(str(schema.name), len(scored)) if valid else checked(scored, schema))
    return judgement.problems(candidates)
