"""Training data from what a hierarchy settled: rows, the kinds of datasets, and how each is built."""

from training.datasets.eligible import left_out
from training.datasets.preferences import preference_rows
from training.datasets.rows import ASSISTANT, PreferenceRow, Row, SftRow, UnpairedRow
from training.datasets.source import Built, Source
from training.datasets.spec import DatasetSpec
from training.datasets.supervised import sft_rows

__all__ = [
    "ASSISTANT",
    "Built",
    "DatasetSpec",
    "PreferenceRow",
    "Row",
    "SftRow",
    "Source",
    "UnpairedRow",
    "left_out",
    "preference_rows",
    "sft_rows",
]
