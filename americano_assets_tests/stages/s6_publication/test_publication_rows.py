"""Rows of the app's tables are made by column; what a column says is what its row alone would say."""

import json

import numpy as np
import pyarrow as pa

from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES
from americano_assets.core.interventions.choose_interventions import Known, interventions_of
from americano_assets.core.interventions.signs import indicators_of
from americano_assets.stages.s6_publication.app_rows import (
    PREDICTION_COLUMNS,
    feature_vector,
    indicator_rows,
    prediction_rows,
    recommendation_rows,
)
from americano_assets_tests.frames import scored_rows
from americano_assets_tests.world import at

CUTOFF = at("2026-03-08 23:00")


def test_a_vector_is_that_of_its_row_for_any_values() -> None:
    names = (*FEATURE_NAMES, DATA_QUALITY)
    scored = scored_rows([{"retention_score": 0.2}] * 200)
    drawn = np.random.default_rng(1).uniform(size=(len(scored), len(names)))
    drawn[0], drawn[1], drawn[2] = 0, 1, 1e-6
    scored[[*names]] = drawn
    made = pa.table(prediction_rows(scored, CUTOFF)).to_pylist()
    assert tuple(made[0]) == PREDICTION_COLUMNS
    for row, one in zip(scored.to_dict("records"), made, strict=True):
        assert json.loads(one["featureVector"]) == feature_vector(row)
        assert (one["id"], one["topicId"], one["predictedAt"]) == (row["prediction_id"], "anatomy", CUTOFF)
        assert one["predictionDate"] == row["planned_at"].to_pydatetime()


def test_no_rows_are_no_rows() -> None:
    nobody = scored_rows([{}]).head(0)
    assert pa.table(prediction_rows(nobody, CUTOFF)).num_rows == 0
    assert indicator_rows(indicators_of(nobody), CUTOFF).num_rows == 0
    assert recommendation_rows(interventions_of(nobody, Known({})), CUTOFF).num_rows == 0
