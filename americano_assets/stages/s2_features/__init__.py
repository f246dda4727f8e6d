"""Skill ratings, features and labels as of each cut-off."""
