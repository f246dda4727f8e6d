"""A simulated school: learners and objectives with known parameters, and the app's rows that follow from them."""

from americano_assets.loading.demo.simulator.cohort import Arguments, Cohort, simulate
from americano_assets.loading.demo.simulator.load import load_simulated, load_since, rows_of, stored_arguments
from americano_assets.loading.demo.simulator.truth import best_auc

__all__ = ["Arguments", "Cohort", "best_auc", "load_simulated", "load_since", "rows_of", "simulate", "stored_arguments"]
