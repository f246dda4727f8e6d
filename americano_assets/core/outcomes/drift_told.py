"""What is told of a night's drift: the table of what shifted, or what was looked at where nothing did."""

from collections.abc import Mapping, Sequence

from americano_assets.core.outcomes.drift import (
    ALARM,
    ALL,
    COURSE,
    ECE,
    LABEL_RATE,
    LEAST_OF_BOTH,
    PSI,
    PSI_MEAN,
    RUNNING_ESTIMATES,
    TOO_FEW,
    WARN,
    Drift,
    counts,
)

EVERYBODY = "everybody"
TOLD_FEATURES = 3
_MOST_DIGITS = 7


def table(found: Sequence[Drift], names: Mapping[str, str]) -> list[dict[str, str | float | None]]:
    """What a person should look at first: alarms before warnings, the largest first; no single feature of a course.

    Args:
        found: Of one study day.
        names: What people call a course, by id.

    Returns:
        A row each: of (everybody or a course), what, before, now, size, status.
    """
    order = {ALARM: 0, WARN: 1}
    shown = [one for one in found if one.status in order and counts(one)]
    return [
        {
            "of": EVERYBODY if one.scope == ALL else names.get(one.scope_id, one.scope_id),
            "what": _what(one, found),
            "before": one.reference,
            "now": one.current,
            "size": one.value,
            "status": one.status,
        }
        for one in sorted(shown, key=lambda one: (order[one.status], -abs(one.value or 0.0)))
    ]


def nothing_told(found: Sequence[Drift]) -> str:
    """What is said where `table` is empty: what was looked at, and of how many courses it could not be.

    Args:
        found: Of one study day.
    """
    what = {PSI_MEAN: "features", LABEL_RATE: "struggle rates", ECE: "calibration"}
    seen = {
        measure: sum(one.measure == measure and one.scope == COURSE and one.status != TOO_FEW for one in found)
        for measure in what
    }
    if not any(seen.values()):
        return (
            f"There are too few rows to tell whether anything has shifted since the models were taught{_sizes(found)}: "
            f"it takes about {LEAST_OF_BOTH} of both in a course."
        )
    looked_at = ", ".join(f"{what[name]} of {_courses_counted(number)}" for name, number in seen.items() if number)
    few = len({one.scope_id for one in found if one.scope == COURSE and one.status == TOO_FEW})
    rest = f" Of {_courses_counted(few)} there are too few rows for one of these." if few else ""
    return f"Nothing moved beyond its limit. Looked at were {looked_at}.{rest}"


def means_apart(before: float | None, now: float | None) -> tuple[str, str]:
    """Both figures with as many digits as it takes to tell them apart, two at least; a dash where there is none."""
    if before is None or now is None:
        return tuple("—" if one is None else f"{one:.2f}" for one in (before, now))  # type: ignore[return-value]
    digits = next((digits for digits in range(2, _MOST_DIGITS) if f"{before:.{digits}f}" != f"{now:.{digits}f}"), None)
    if digits is None:
        return f"{before:.2f}", f"{now:.2f}, spread otherwise"
    return f"{before:.{digits}f}", f"{now:.{digits}f}"


def _sizes(found: Sequence[Drift]) -> str:
    rows = [(one.n_reference, one.n_current) for one in found if one.measure == PSI_MEAN]
    if not rows:
        return ""
    before, now = max(rows, key=sum)
    return f" (of the largest course {before:,} outcomes from before and {now:,} of lately)"


def _courses_counted(number: int) -> str:
    return f"{number} course{'' if number == 1 else 's'}"


def _what(one: Drift, found: Sequence[Drift]) -> str:
    if one.measure == PSI:
        return one.feature.replace("_", " ")
    if one.measure != PSI_MEAN:
        return {LABEL_RATE: "struggle rate", ECE: "calibration error, beyond chance"}[one.measure]
    own = [
        other
        for other in found
        if other.measure == PSI and other.scope_id == one.scope_id and other.feature not in RUNNING_ESTIMATES
    ]
    largest = sorted(own, key=lambda other: -(other.value or 0.0))[:TOLD_FEATURES]
    return f"features, most {', '.join(other.feature.replace('_', ' ') for other in largest)}"
