"""Risk levels, cut from a probability once for everyone who shows one."""

HIGH_RISK = 0.7
MEDIUM_RISK = 0.4


def risk_level(probability: float) -> str:
    """HIGH from 0.7, MEDIUM from 0.4, else LOW."""
    if probability >= HIGH_RISK:
        return "HIGH"
    return "MEDIUM" if probability >= MEDIUM_RISK else "LOW"
