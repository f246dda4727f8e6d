"""A simulated school: learners and objectives with known parameters, and the app's rows that follow from them."""
