"""The test cluster is private and small."""

from __future__ import annotations

import pytest


@pytest.mark.ray
def test_the_test_cluster_is_private_and_has_four_logical_cpus(ray_cluster: str) -> None:
    import ray

    assert ray.cluster_resources()["CPU"] == 4
    assert ray.get(ray.remote(num_cpus=1)(lambda: 7).remote()) == 7
