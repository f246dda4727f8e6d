"""The project's models on any log of learners."""
