"""The probability of a struggle for each candidate."""
