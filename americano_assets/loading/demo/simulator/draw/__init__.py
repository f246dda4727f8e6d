"""What simulated learners know, plan, study and answer."""
