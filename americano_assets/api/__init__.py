"""The HTTP interface: what the nights have published, and fresh predictions for one learner.

It imports neither Dagster nor scikit-learn, and pandas only once it predicts.
"""
