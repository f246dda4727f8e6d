"""The simulated cohort as rows of the app's tables."""
