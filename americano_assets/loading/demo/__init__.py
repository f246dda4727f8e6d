"""Learners to look at where there is no app yet: data sets, and what loads them into the app's tables."""
