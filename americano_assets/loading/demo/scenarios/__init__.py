"""The demo on simulated learners, whose truth is known."""
