"""Sessions on the app's database, and the schema `ml` in it."""
