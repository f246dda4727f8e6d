"""Risk levels, cut from p once for everyone who shows one, and what p and confidence are, in words."""

P_MEANS = "of a trained model a probability, of the rules a score by which to rank, 0-1"
CONFIDENCE_MEANS = (
    "of a trained model how often such answers came out right on other learners, of the rules how far p is to one side "
    "and how much of the features was observed, 0-1"
)
HIGH_RISK = 0.7
MEDIUM_RISK = 0.4


def risk_level(probability: float) -> str:
    """HIGH from 0.7, MEDIUM from 0.4, else LOW."""
    if probability >= HIGH_RISK:
        return "HIGH"
    return "MEDIUM" if probability >= MEDIUM_RISK else "LOW"
