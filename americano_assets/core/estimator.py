"""Stays here: registered models name `americano_assets.core.estimator.StruggleEstimator`, which skops trusts."""

from americano_assets.core.models.sklearn_estimator import StruggleEstimator

__all__ = ["StruggleEstimator"]
