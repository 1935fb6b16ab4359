"""JSON log lines, one a request or event, which carry CloudWatch metrics too. A leaf: imports nothing of ours.

Written by hand because aws-lambda-powertools costs as much import time as chalice itself (docs/decisions/0004).
Fields are named one by one by the callers; no line ever carries a path, header, body or URL, for these hold secrets.
Source of the metric lines: CloudWatch "Specification: embedded metric format".
"""

import json
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from typing import Any, Literal

Unit = Literal["Count", "Milliseconds"]
Metric = tuple[str, float, Unit]


def log(event: str, **fields: Any) -> None:
    """Fields that are None are left out."""
    _write({"event": event, **_present(fields)})


def log_with_metrics(
    namespace: str,
    event: str,
    metrics: Iterable[Metric],
    dimension: tuple[str, str],
    **fields: Any,
) -> None:
    """A line that CloudWatch also reads as metrics of the namespace, by one dimension and in total."""
    listed = list(metrics)
    name, value = dimension
    _write(
        {
            "event": event,
            name: value,
            **_present(fields),
            **{metric: number for metric, number, _ in listed},
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": namespace,
                        "Dimensions": [[name], []],
                        "Metrics": [{"Name": metric, "Unit": unit} for metric, _, unit in listed],
                    }
                ],
            },
        },
    )


def describe(error: BaseException) -> dict[str, str]:
    """Where an unexpected error came from, without its message: messages may quote what a caller sent."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    answered = getattr(error, "response", None)  # botocore's connection errors have one, too, that is None
    code = answered.get("Error", {}).get("Code", "") if isinstance(answered, Mapping) else ""
    return {"error": type(error).__name__, "aws_code": code, "where": " > ".join(places)}


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _write(line: dict[str, Any]) -> None:
    text = json.dumps(line, ensure_ascii=True, default=str)  # ASCII: nothing a caller sent can forge a line
    sys.stdout.write(text + "\n")  # one write, so that lines of several threads do not mix
    sys.stdout.flush()
