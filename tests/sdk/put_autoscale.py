"""Puts an autoscale setting with `azure-mgmt-monitor`: run by a Python that has the SDK and nothing of ours.

    python -m tests.sdk.put_autoscale SETTINGS.json

SETTINGS: as `tests.sdk.traveller` has them, with `target`, the id of the deployment, and `windows`, in seconds.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.identity import ClientSecretCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor.models import (
    AutoscaleProfile,
    AutoscaleSettingResource,
    MetricTrigger,
    ScaleAction,
    ScaleCapacity,
    ScaleRule,
)

NAME = "by-cpu"


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    url, target, window = given["url"], given["target"], timedelta(seconds=given["window_s"])
    credential = ClientSecretCredential(
        given["tenant_id"],
        given["client_id"],
        given["client_secret"],
        authority=url,
        disable_instance_discovery=True,
    )
    client = MonitorManagementClient(
        credential, given["subscription_id"], base_url=url, credential_scopes=[f"{url}/.default"]
    )

    def rule(metric: str, operator: str, threshold: float, direction: str) -> ScaleRule:
        what: dict[str, Any] = {"metric_name": metric, "metric_resource_uri": target, "operator": operator}
        how = {"statistic": "Average", "time_aggregation": "Average", "time_grain": window / 5, "time_window": window}
        action = ScaleAction(direction=direction, type="ChangeCount", value="1", cooldown=window / 5)
        return ScaleRule(metric_trigger=MetricTrigger(threshold=threshold, **what, **how), scale_action=action)

    rules = [
        rule("CpuUtilizationPercentage", "GreaterThan", 20, "Increase"),
        rule("RequestsPerMinute", "LessThan", 60, "Decrease"),
    ]
    profile = AutoscaleProfile(
        name="by load", capacity=ScaleCapacity(minimum="1", maximum="2", default="1"), rules=rules
    )
    wanted = AutoscaleSettingResource(location="local", profiles=[profile], target_resource_uri=target)
    made = client.autoscale_settings.create_or_update(given["resource_group"], NAME, wanted)
    print(made.id)


if __name__ == "__main__":
    main()
