"""The share of right answers, from 0 to 1."""

from typing import List

from promptflow.core import log_metric, tool


@tool
def accuracy(grades: List[str]) -> float:
    share = grades.count("Correct") / len(grades) if grades else 0.0
    log_metric("accuracy", share)
    return share
