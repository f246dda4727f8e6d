"""Fitting, choosing and promoting models."""
