"""A cut-off and the bounds of every window around it, as the queries take them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from americano_assets.core.study_days.study_day import cutoff, day_number, opening, shift, study_day_of

PLAN_AHEAD_DAYS = 7
WORKLOAD_AHEAD_DAYS = 14
# Whole study days before a cut-off that a feature may read.
LOOK_BACK_DAYS = 180


@dataclass(frozen=True)
class Target:
    """What is predicted: the outcome over `horizon_days` study days, a struggle below a mean of `struggle_below`."""

    horizon_days: int
    struggle_below: float


@dataclass(frozen=True)
class Cutoff:
    """A cut-off T. Instants are aware and in UTC."""

    at: datetime
    zone: ZoneInfo
    target: Target

    @classmethod
    def closing(cls, day: date, zone: ZoneInfo, target: Target) -> "Cutoff":
        """The cut-off of study day `day`."""
        return cls(cutoff(day, zone), zone, target)

    @property
    def horizon_end(self) -> datetime:
        """T + H, the end of the label window."""
        return shift(self.at, self.target.horizon_days, self.zone)

    def parameters(self, from_later_state: bool, plan_ahead_days: int = PLAN_AHEAD_DAYS) -> dict[str, object]:
        """The parameters of sql/features.

        Args:
            from_later_state: The curriculum and plans were snapshotted too late to speak for T.
            plan_ahead_days: Planned candidates lie within so many study days of T.

        Returns:
            Naive UTC timestamps, day numbers, ms into the study day that holds T (0 at a cut-off). Numbers of the
            cohort are of the days before `cohort_day`.
        """
        day = study_day_of(self.at, self.zone)
        return {
            "cutoff": naive(self.at),
            "cutoff_day": day_number(day),
            "cohort_day": day_number(day),
            "cutoff_into": round((self.at - opening(day, self.zone)).total_seconds() * 1000),
            "planned_before": naive(shift(self.at, plan_ahead_days, self.zone)),
            "workload_before": naive(shift(self.at, WORKLOAD_AHEAD_DAYS, self.zone)),
            "horizon_end": naive(self.horizon_end),
            "horizon_days": self.target.horizon_days,
            "struggle_below": self.target.struggle_below,
            "from_later_state": from_later_state,
        }


def to_milliseconds(instant: datetime) -> datetime:
    """The instant without what is finer than the app's TIMESTAMP(3): what is answered is what is stored."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def naive(instant: datetime) -> datetime:
    """The same instant in UTC without a zone, as PostgreSQL's and Parquet's timestamps here are."""
    return instant.astimezone(UTC).replace(tzinfo=None)
