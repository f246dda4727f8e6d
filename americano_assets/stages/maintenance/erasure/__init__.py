"""Removes everything of ours that belongs to one learner."""
