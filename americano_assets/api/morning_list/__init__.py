"""The morning list: whom an adviser helps first today, what was done about it, and one learner's history."""
