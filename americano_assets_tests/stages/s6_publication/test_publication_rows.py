"""Rows of the app's tables are made by column; what a column says is what its row alone would say."""

import json

import numpy as np

from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES
from americano_assets.stages.s6_publication.app_rows import PREDICTION_COLUMNS, feature_vector, prediction_rows
from americano_assets_tests.frames import scored_rows
from americano_assets_tests.world import at

CUTOFF = at("2026-03-08 23:00")


def test_a_vector_is_that_of_its_row_for_any_values() -> None:
    names = (*FEATURE_NAMES, DATA_QUALITY)
    scored = scored_rows([{"retention_score": 0.2}] * 200)
    drawn = np.random.default_rng(1).uniform(size=(len(scored), len(names)))
    drawn[0], drawn[1], drawn[2] = 0, 1, 1e-6
    scored[[*names]] = drawn
    made = [dict(zip(PREDICTION_COLUMNS, row, strict=True)) for row in prediction_rows(scored, CUTOFF)]
    for row, one in zip(scored.to_dict("records"), made, strict=True):
        assert json.loads(one["featureVector"]) == feature_vector(row)
        assert (one["id"], one["topicId"], one["predictedAt"]) == (row["prediction_id"], "anatomy", CUTOFF)
        assert one["predictionDate"] == row["planned_at"].to_pydatetime()


def test_no_rows_are_no_rows() -> None:
    assert list(prediction_rows(scored_rows([{}]).head(0), CUTOFF)) == []
