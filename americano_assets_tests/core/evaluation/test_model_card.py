"""The card tells hits and misses from the report's own figures, and what is missing as missing."""

from typing import Any

from americano_assets.core.evaluation.figures import Figure
from americano_assets.core.evaluation.model_card import model_card
from americano_assets.core.statistics.metrics import HELD_OUT_FIGURES


def figures(value: float | None, **others: float) -> dict[str, Any]:
    told = {
        name: Figure(others.get(name, value), reason=None if value else "too few").to_json()
        for name in HELD_OUT_FIGURES
    }
    return {"n": 1234, "learners": 99, **told}


def card(chosen: tuple[str, ...] = ("blend",), **others: float) -> str:
    parts = dict.fromkeys(("all", "without_cold_starts", "cold_starts", "without_never_active"), figures(0.8, **others))
    folds = [{"threshold": 0.25, "threshold_told": "finds all"}]
    return model_card(
        [
            {
                "source": {"name": "A school"},
                "setting": "demo",
                "target": {"horizon_days": 7, "struggle_below": 0.65},
                "data": {"study_day": "2026-03-08", "rows": 1234, "row_learners": 99, "base_rate": 0.25},
                "notes": ["A note."],
                "champion": "blend",
                "folds": [{"why": "it was better", "chosen": one} for one in chosen],
                "models": {"blend": {**parts, "folds": folds}},
                "differences": [],
                "slices": [{"slice": "course", "value": "anatomy", "figures": figures(None)}],
            }
        ]
    )


def test_a_target_is_told_as_met_or_missed() -> None:
    assert "| blend | 0.800 met | 0.800 met | 0.900 met | 0.020 met |" in card(auc_roc=0.9, ece=0.02)
    assert "| blend | 0.750 missed | 0.800 met | 0.859 missed | 0.031 missed |" in card(
        accuracy=0.75, auc_roc=0.859, ece=0.031
    )


def test_a_figure_that_is_missing_is_a_dash() -> None:
    assert "| anatomy | 1,234 | — | — | — | — | — | — | — | — |" in card()


def test_it_says_in_how_many_trainings_the_one_that_scores_was_chosen() -> None:
    assert "- Scores: **blend**: it was better." in card()
    assert "- Its threshold: 0.250; finds all." in card()
    assert "- Scores: **blend** in 2 of 3 trainings; in the first: it was better." in card(
        ("blend", "rule_based", "blend")
    )
