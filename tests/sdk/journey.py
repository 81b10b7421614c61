"""What a user of the `azure-ai-ml` SDK does, step by step: run by a Python that has the SDK and nothing of ours.

    python -m tests.sdk.journey SETTINGS.json [CHAPTER …]
    python -m tests.sdk.journey SETTINGS.json invoke ENDPOINT TEXT DEPLOYMENT

A line of JSON tells how each step ended. A step that fails does not keep the next ones from being tried.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.sdk.contents import CHAPTERS, steps
from tests.sdk.traveller import Journey


def run(journey: Journey, chapters: Sequence[str]) -> None:
    for chapter, name in steps():
        if chapter not in chapters:
            continue
        step = getattr(importlib.import_module(f"tests.sdk.chapters.{chapter}"), name)
        began, problem = time.monotonic(), None
        try:
            step(journey)
        except Exception:
            problem = traceback.format_exc()
        took = round(time.monotonic() - began, 2)
        outcome = json.dumps({"chapter": chapter, "step": name, "seconds": took, "problem": problem})
        print(f"\n{outcome}", flush=True)  # on a line of its own: the SDK prints dots while it waits


def main() -> None:
    settings, *words = sys.argv[1:]
    os.environ["JOURNEY_SETTINGS"] = settings
    journey = Journey(json.loads(Path(settings).read_text()))
    if words[:1] == ["invoke"]:
        endpoint, text, deployment = words[1:]
        request = journey.request_file(text=text)
        print(journey.ml.online_endpoints.invoke(endpoint, request_file=request, deployment_name=deployment or None))
    else:
        run(journey, words or CHAPTERS)


if __name__ == "__main__":
    main()
