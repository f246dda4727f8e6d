"""One transaction that brings the app's tables to the night's predictions."""
