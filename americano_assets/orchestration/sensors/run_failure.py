"""The sensor that tells whoever is on call that a run failed."""

import dagster as dg

from americano_assets.core.base.escaping import chat
from americano_assets.orchestration.run_failures import was_interrupted, why_failed
from americano_assets.orchestration.webhook import TRIES, Notice, log_line, post
from americano_assets.settings import Settings

_SECONDS = 30
_DAY_TAGS = ("dagster/partition", "dagster/asset_partition_range_start")


def build_failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """Every failed run of this Dagster instance, those of the command line included, is told once."""

    @dg.run_failure_sensor(
        name="run_failure_sensor",
        # Runs of the command line belong to no code location.
        monitor_all_code_locations=True,
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A run failed: one JSON line on standard error, and a message to AMERICANO_ALERT_WEBHOOK if set.",
    )
    def run_failure_sensor(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        events = [
            record.event_log_entry.dagster_event
            for record in context.instance.get_records_for_run(context.dagster_run.run_id, of_type=_TELLING).records
            if record.event_log_entry.dagster_event is not None
        ]
        if was_interrupted(events):
            return dg.SkipReason("a person ended the run")
        notice = _notice(context.dagster_run, events, settings.environment)
        log_line(notice)
        webhook = settings.americano_alert_webhook
        if webhook is not None and (why := post(webhook.get_secret_value(), notice)) is not None:
            log_line({"event": "alert_not_delivered", "run_id": notice["run_id"], "tries": TRIES, "reason": why})
        return None

    return run_failure_sensor


_TELLING = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.RUN_FAILURE,
}


def _notice(run: dg.DagsterRun, events: list[dg.DagsterEvent], environment: str) -> Notice:
    """What is told; `text` is what chat services show of a message."""
    day = next((run.tags[tag] for tag in _DAY_TAGS if tag in run.tags), None)
    why = why_failed(events, quote=False)
    of_day = f" of study day {day}" if day else ""
    return {
        "event": "run_failed",
        "text": chat(f"Americano ({environment}): {run.job_name}{of_day}: {why}"),
        "job": run.job_name,
        "study_day": day,
        "reason": why,
        "run_id": run.run_id,
        "environment": environment,
    }
