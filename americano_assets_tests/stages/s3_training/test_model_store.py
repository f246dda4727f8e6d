"""A model's files are what their names say, or they are not loaded."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from americano_assets.core.models.scorer import Scorer
from americano_assets.core.study_days.cutoff import Target
from americano_assets.core.training.fit_trees import fit_trees
from americano_assets.errors import AmericanoError
from americano_assets.stages.common.model_files import ModelStore, StoredModel
from americano_assets_tests.frames import feature_rows


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path)


@pytest.fixture
def saved(store: ModelStore) -> StoredModel:
    """A few trees."""
    generator = np.random.default_rng(1)
    scores = generator.uniform(size=200)
    rows = feature_rows(*({"retention_score": score} for score in scores))
    rows = rows.assign(struggled=generator.uniform(size=200) > scores)
    scorer = Scorer(fit_trees(rows), 0.3, 0.5)
    return store.save("gradient_boosting", date(2026, 3, 8), "data", Target(7, 0.65), scorer)


def trees(store: ModelStore) -> Path:
    (path,) = store.root.glob("*.skops")
    return path


def test_trees_that_were_changed_after_they_were_written_are_refused(store: ModelStore, saved: StoredModel) -> None:
    path = trees(store)
    content = path.read_bytes()
    path.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
    with pytest.raises(AmericanoError, match=f"trees of model {saved.version} were changed after they were written"):
        store.load(saved.version)


def test_trees_that_are_gone_are_told_and_what_to_do(store: ModelStore, saved: StoredModel) -> None:
    trees(store).unlink()
    with pytest.raises(AmericanoError, match=f"trees of model {saved.version} are not in .*materialize struggle_model"):
        store.load(saved.version)


def test_numbers_that_were_changed_are_refused(store: ModelStore, saved: StoredModel) -> None:
    path = store.root / f"{saved.version}.json"
    path.write_text(path.read_text().replace('"threshold": 0.5', '"threshold": 0.1'))
    with pytest.raises(AmericanoError, match=f"file of model {saved.version} was changed after it was written"):
        store.load(saved.version)


def test_what_is_untouched_scores_as_before(store: ModelStore, saved: StoredModel) -> None:
    rows = feature_rows({"retention_score": 0.1}, {"retention_score": 0.9})
    assert store.load(saved.version).scorer.probability(rows).tolist() == saved.scorer.probability(rows).tolist()
