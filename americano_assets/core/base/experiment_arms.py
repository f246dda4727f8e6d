"""The two arms of the experiment."""

TREATED, HOLDOUT = "treated", "holdout"
