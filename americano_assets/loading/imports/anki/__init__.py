"""Anki collections: reviews, decks, tags and what is due; the texts of notes are never read."""
