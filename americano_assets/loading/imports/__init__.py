"""Interaction logs and Anki collections in the app's tables, in a home of their own."""
