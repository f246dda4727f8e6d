"""The catalogue of features, and the skill ratings among them."""
