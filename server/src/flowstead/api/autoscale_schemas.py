"""JSON Schema of autoscale settings as they are answered."""

from __future__ import annotations

from flowstead.api.schema_words import COUNT, FLAG, OBJECT, TEXT, Json, listed, maybe, obj, one_of

_NUMBER: Json = {"type": "string", "pattern": "^[0-9]+$"}
_TRIGGER = obj(
    {
        "metricName": TEXT,
        "metricNamespace": TEXT,
        "metricResourceUri": TEXT,
        "metricResourceLocation": TEXT,
        "timeGrain": TEXT,
        "statistic": one_of("Average", "Min", "Max", "Sum"),
        "timeWindow": TEXT,
        "timeAggregation": one_of("Average", "Minimum", "Maximum", "Total", "Last"),
        "operator": one_of("Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"),
        "threshold": {"type": "number"},
        "dimensions": {"type": "array", "maxItems": 0},
        "dividePerInstance": FLAG,
    }
)
_ACTION = obj(
    {
        "direction": one_of("None", "Increase", "Decrease"),
        "type": one_of("ChangeCount", "PercentChangeCount", "ExactCount"),
        "value": _NUMBER,
        "cooldown": TEXT,
    }
)
_SCHEDULE = obj({"timeZone": TEXT, "days": listed(TEXT), "hours": listed(COUNT), "minutes": listed(COUNT)})
_PROFILE = obj(
    {
        "name": TEXT,
        "capacity": obj({"minimum": _NUMBER, "maximum": _NUMBER, "default": _NUMBER}),
        "rules": listed(obj({"metricTrigger": _TRIGGER, "scaleAction": _ACTION})),
    },
    {
        "fixedDate": obj({"timeZone": TEXT, "start": TEXT, "end": TEXT}),
        "recurrence": obj({"frequency": one_of("Week"), "schedule": _SCHEDULE}),
    },
)
AUTOSCALE_SETTING = obj(
    {
        "name": TEXT,
        "enabled": FLAG,
        "targetResourceUri": TEXT,
        "targetResourceLocation": TEXT,
        "profiles": listed(_PROFILE),
        "notifications": listed(OBJECT),
        "activeProfile": maybe(TEXT),
    }
)
