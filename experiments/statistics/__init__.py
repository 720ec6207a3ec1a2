"""Intervals, paired tests, planning and sequential tests. docs/statistics.md says which to use when.

Every interval is two-sided 95 % unless it says otherwise. Paired quantities resample whole clusters (a cluster is a
prompt and everything made from it), so that cases which belong together do not count as independent. Bootstraps draw
from a generator keyed by the seed: the same results give the same interval, in whatever order cases come.
"""

from experiments.statistics.bootstrap import RESAMPLES, bootstrap_estimate
from experiments.statistics.exact import holm, mcnemar, mcnemar_of_counts
from experiments.statistics.means import mean_estimate, mean_of_sums
from experiments.statistics.paired import (
    compare,
    difference_of_counts,
    paired_difference,
    ratio_of_means,
    variance_ratio,
    with_holm,
)
from experiments.statistics.planning import design_effect, detectable_difference, required_cases
from experiments.statistics.sequential import (
    Look,
    Watch,
    confidence_sequence,
    mcnemar_evidence,
    mean_sequence,
    share_sequence,
    worse_evidence,
)
from experiments.statistics.shares import LEVEL, clopper_pearson, proportion, wilson

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "Look",
    "Watch",
    "bootstrap_estimate",
    "clopper_pearson",
    "compare",
    "confidence_sequence",
    "design_effect",
    "detectable_difference",
    "difference_of_counts",
    "holm",
    "mcnemar",
    "mcnemar_evidence",
    "mcnemar_of_counts",
    "mean_estimate",
    "mean_of_sums",
    "mean_sequence",
    "paired_difference",
    "proportion",
    "ratio_of_means",
    "required_cases",
    "share_sequence",
    "variance_ratio",
    "wilson",
    "with_holm",
    "worse_evidence",
]
