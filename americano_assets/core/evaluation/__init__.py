"""How well models do on learners and weeks that they never saw."""
