"""The one place where everything is put together; production and tests call the same function."""

from collections.abc import Mapping, Sequence
from types import ModuleType

import dagster as dg

from americano_assets.loading.demo.oulad.backgrounds import backgrounds_in
from americano_assets.orchestration.code_versions import code_version
from americano_assets.orchestration.digest import DIGEST, build_digest_schedule
from americano_assets.orchestration.freshness import freshness
from americano_assets.orchestration.housekeeping import HOUSEKEEPING, build_housekeeping_schedule
from americano_assets.orchestration.jobs import build_jobs, build_schedule, new_events_sensor
from americano_assets.orchestration.run_processes import killed_runs_sensor, marked_executor
from americano_assets.orchestration.sensors.finished_missions import EARLY_OUTCOMES, finished_missions_sensor
from americano_assets.orchestration.sensors.retraining import RETRAINING, retraining_sensor
from americano_assets.orchestration.sensors.run_failure import build_failure_sensor
from americano_assets.resources.parquet_store.atomic_files import private_files
from americano_assets.settings import Settings, load_settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.resources import resources_of
from americano_assets.stages.s1_snapshots import assets as snapshots
from americano_assets.stages.s1_snapshots import sources
from americano_assets.stages.s2_features import assets as features
from americano_assets.stages.s3_training import assets as training
from americano_assets.stages.s4_predictions import assets as predictions
from americano_assets.stages.s5_interventions import assets as interventions
from americano_assets.stages.s6_publication import assets as publication
from americano_assets.stages.s7_outcomes import assets as outcomes
from americano_assets.stages.s8_reduction import assets as reduction
from americano_assets.stages.s8_reduction import drift_assets
from americano_assets.stages.s9_report import assets as reporting
from americano_assets.stages.s9_report import research_assets

_OURS = (dg.AssetsDefinition, dg.AssetSpec)
Stage = Sequence[dg.AssetsDefinition | dg.AssetSpec]
# What Dagster sees of each stage. A stage's group is named as its folder.
_MODULES: Mapping[str, Sequence[ModuleType]] = {
    "s1_snapshots": (sources, snapshots),
    "s2_features": (features,),
    "s3_training": (training,),
    "s4_predictions": (predictions,),
    "s5_interventions": (interventions,),
    "s6_publication": (publication,),
    "s7_outcomes": (outcomes,),
    "s8_reduction": (reduction, drift_assets),
    "s9_report": (reporting, research_assets),
}


def stages(settings: Settings) -> dict[str, Stage]:
    """The assets of each group, in the order of the flow."""
    loaded = {group: dg.load_assets_from_modules(modules, include_specs=True) for group, modules in _MODULES.items()}
    of_groups = {group: [one for one in stage if isinstance(one, _OURS)] for group, stage in loaded.items()}
    # The study days of the log begin where the settings say.
    return {**of_groups, "s1_snapshots": [*snapshots.build(settings), *of_groups["s1_snapshots"]]}


def build_defs(settings: Settings | None = None, *, deployment: Deployment | None = None) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors of one deployment.

    Args:
        settings: The deployment's; read from the environment if None.
        deployment: Another than the settings' own, e.g. with another clock.
    """
    settings = settings or load_settings()
    overdue = freshness(settings)
    assets = [grouped for group, stage in stages(settings).items() for grouped in _in_group(stage, group, overdue)]
    materializable = [
        key for asset in assets if isinstance(asset, dg.AssetsDefinition) for key in asset.keys if asset.is_executable
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=dg.load_asset_checks_from_modules([one for modules in _MODULES.values() for one in modules]),
        jobs=[*build_jobs(materializable), EARLY_OUTCOMES, RETRAINING, HOUSEKEEPING, DIGEST],
        schedules=[
            build_schedule(settings),
            build_housekeeping_schedule(settings),
            build_digest_schedule(settings),
        ],
        sensors=[
            new_events_sensor,
            finished_missions_sensor,
            retraining_sensor,
            build_failure_sensor(settings),
            killed_runs_sensor,
        ],
        resources=resources_of(deployment or Deployment(settings), backgrounds_in),
        executor=marked_executor,
    )


def _in_group(stage: Stage, group: str, overdue: Mapping[dg.AssetKey, dg.FreshnessPolicy]) -> Stage:
    def grouped(spec: dg.AssetSpec) -> dg.AssetSpec:
        made_by = code_version(spec.key.to_user_string()) if spec.partitions_def is not None else None
        return spec.replace_attributes(group_name=group, freshness_policy=overdue.get(spec.key), code_version=made_by)

    return dg.map_asset_specs(grouped, stage)


@dg.definitions
def defs() -> dg.Definitions:
    """This environment's deployment, as Dagster's processes load it; merely importing this module builds nothing."""
    private_files()
    return build_defs()
