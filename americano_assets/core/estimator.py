"""The name under which registered models trust the estimator: skops wrote it into each of them."""

from americano_assets.core.models.sklearn_estimator import StruggleEstimator

__all__ = ["StruggleEstimator"]
