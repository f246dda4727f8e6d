"""Intervals that may be looked at every night: how wide they are, and why.

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence
sequences, Annals of Statistics 52 (2024), theorem 2.2; the boundary is Robbins' normal mixture (1970).
"""

import math

LEVEL = 0.95


def half_width(standard_error: float, sharpest_at: float, level: float = LEVEL) -> float:
    """Half the width of an interval that holds the truth at all looks at once, asymptotically, with chance `level`.

    With information I = 1 / standard_error² as the clock and r² = I · rho² it is
    standard_error · √( (r² + 1) / r² · log((r² + 1) / (1 - level)²) ). The paper's clock is the number of independent
    units n, and with v their variance I = n / v: the same. Learners are the units, but their number stands still once
    all were flagged, while answers go on coming in and the estimate goes on moving; information goes on with it. With
    a = -2 log(1 - level), rho² = (a + log(a + 1)) · sharpest_at² makes the interval about as narrow as it can be where
    the standard error is `sharpest_at` (ibid., appendix B.2): 3.04 standard errors there for 95 %, instead of the 1.96
    of an interval for a single look that was fixed beforehand. It holds elsewhere too, and is wider.

    Args:
        standard_error: Of the estimate at this look; positive.
        sharpest_at: Fixed beforehand, in the unit of the estimate; positive.
        level: Chance that all looks hold the truth.
    """
    twice = -2 * math.log(1 - level)
    clock = (twice + math.log1p(twice)) * (sharpest_at / standard_error) ** 2
    return standard_error * math.sqrt((clock + 1) / clock * (math.log1p(clock) + twice))
