"""A simulation on two Ray nodes of one machine, one of which is killed in mid-run. Prints the records' digests.

Run by `test_nodes.py` in a process of its own: a process joins one cluster only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from experiments.config import load_experiment
from experiments.lab.arms import DEFAULT
from experiments.lab.keep import Keep
from experiments.lab.simulate import simulate
from experiments.lab.worker import Worker
from experiments.prepare import prepare_arms
from hierarchy.ray_map import ray_map

CASES, BLOCK, KILLED_AFTER = 40_000, 1_000, 8


def main(folder: Path) -> None:
    """Simulate; the node is killed when some spans are done."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    doomed, _ = (cluster.add_node(num_cpus=1) for _ in range(2))
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")

    def mapper(make: Any, items: Any) -> Iterator[Any]:
        for done, result in enumerate(ray_map(make, items, 4)):
            if make.func is Worker and done == KILLED_AFTER:
                cluster.remove_node(doomed, allow_graceful=False)
            yield result

    spec = load_experiment(DEFAULT)
    arms, keep = prepare_arms(spec), Keep(folder, "visits")
    keep.claim("two nodes", {arm.name: arm.plan for arm in arms})
    simulate(arms, CASES, spec.auditor, block=BLOCK, mapper=mapper, keep=keep)
    print("nodes left", len(cluster.worker_nodes))
    for arm in arms:
        print("digest", keep.digest(arm.name, "visits"))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
