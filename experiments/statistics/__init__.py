"""Intervals, paired tests, planning and sequential tests. docs/metrics.md says which is used when.

Every interval is two-sided 95 % unless it says otherwise. Paired quantities resample whole clusters (a cluster is a
prompt and everything made from it), so that cases which belong together do not count as independent. Bootstraps draw
from a generator keyed by the seed: the same results give the same interval, in whatever order cases come.
"""

from experiments.statistics.bootstrap import RESAMPLES, bootstrap_estimate
from experiments.statistics.clusters import LEVEL, design_effect, effective_size
from experiments.statistics.exact import holm, mcnemar, mcnemar_of_counts
from experiments.statistics.fallible import Gold, corrected, rogan_gladen
from experiments.statistics.means import mean_estimate, mean_of_sums
from experiments.statistics.paired import (
    compare,
    difference_of_counts,
    paired_difference,
    ratio_of_means,
    variance_ratio,
    with_holm,
)
from experiments.statistics.planning import detectable_difference, detectable_of_counts, required_cases
from experiments.statistics.replicates import mean_of_replicates
from experiments.statistics.risk import Threshold, conformal, fixed_sequence
from experiments.statistics.sequential import (
    Look,
    Watch,
    confidence_sequence,
    mcnemar_evidence,
    mean_sequence,
    share_sequence,
    worse_evidence,
)
from experiments.statistics.shares import clopper_pearson, proportion, wilson
from experiments.statistics.survey import Sampled, aipw, certain_and_floor, hajek, headline, horvitz_thompson, ppi

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "Gold",
    "Look",
    "Sampled",
    "Threshold",
    "Watch",
    "aipw",
    "bootstrap_estimate",
    "certain_and_floor",
    "clopper_pearson",
    "compare",
    "confidence_sequence",
    "conformal",
    "corrected",
    "design_effect",
    "detectable_difference",
    "detectable_of_counts",
    "difference_of_counts",
    "effective_size",
    "fixed_sequence",
    "hajek",
    "headline",
    "holm",
    "horvitz_thompson",
    "mcnemar",
    "mcnemar_evidence",
    "mcnemar_of_counts",
    "mean_estimate",
    "mean_of_replicates",
    "mean_of_sums",
    "mean_sequence",
    "paired_difference",
    "ppi",
    "proportion",
    "ratio_of_means",
    "required_cases",
    "rogan_gladen",
    "share_sequence",
    "variance_ratio",
    "wilson",
    "with_holm",
    "worse_evidence",
]
