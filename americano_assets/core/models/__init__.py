"""Models as they score: linear, trees, rules, their calibration and explanation."""
