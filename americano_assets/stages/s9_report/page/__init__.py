"""The nightly report: one self-contained page for whoever is responsible for the courses."""
