"""What reinforcement leaves on disk: checkpoints to go on from while it runs, an ordinary checkpoint at the end."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model

from agents.records import Case
from training.config import ReinforceSpec
from training.files import folder_hash
from training.output import read_manifest, require_same, write_manifest

Log = dict[str, float]
_POLICY, _OPTIMISER, _LOG = "policy.safetensors", "optimiser.pt", "log.json"


class Keeper:
    """The folder of one reinforcement. `out` appears when it is done; until then the work is in `out` + `.partial`.

    Raises InputError where either holds something else.
    """

    def __init__(self, spec: ReinforceSpec, cases: Sequence[Case], model_path: str | Path, out: Path) -> None:
        self.out, self.partial = out, out.with_name(f"{out.name}.partial")
        self.checkpoints = self.partial / "checkpoints"
        folder = Path(model_path)
        model = folder_hash(folder) if folder.is_dir() else str(model_path)
        self.key: dict[str, Any] = {"spec": spec.model_dump(mode="json"), "data": _hash(cases), "model": model}
        for each in (out, self.partial):
            if each.exists() and (not each.is_dir() or any(each.iterdir())):
                require_same(each, read_manifest(each) if each.is_dir() else None, self.key)

    def finished(self) -> tuple[Log, ...] | None:
        """The log of a reinforcement that is done; None for one that is not."""
        manifest = read_manifest(self.out)
        return None if manifest is None else tuple(manifest["log"])

    def save(self, policy: Any, optimiser: torch.optim.Optimizer, log: Sequence[Log]) -> None:
        """Keep the state after `len(log)` steps, whole or not at all, in place of the one before."""
        if read_manifest(self.partial) is None:
            write_manifest(self.partial, {"key": self.key})
        new = self.checkpoints / f"step-{len(log):06}"
        torn = new.with_suffix(".torn")
        shutil.rmtree(torn, ignore_errors=True)
        torn.mkdir(parents=True)
        save_model(policy, str(torn / _POLICY))
        torch.save(optimiser.state_dict(), torn / _OPTIMISER)
        (torn / _LOG).write_text(json.dumps(list(log)), encoding="utf-8")
        torn.rename(new)
        for old in self.checkpoints.iterdir():
            if old != new:
                shutil.rmtree(old)

    def load(self, policy: Any, optimiser: torch.optim.Optimizer) -> list[Log]:
        """Put the last state kept into model and optimiser; gives its log, which is empty where there is none."""
        whole = [path for path in self.checkpoints.glob("step-*") if path.suffix != ".torn"]
        if not whole:
            return []
        last = max(whole)
        load_model(policy, str(last / _POLICY), device=str(policy.device))
        optimiser.load_state_dict(torch.load(last / _OPTIMISER, map_location=policy.device, weights_only=True))
        log: list[Log] = json.loads((last / _LOG).read_text("utf-8"))
        return log

    def finish(self, policy: Any, tokenizer: Any, log: Sequence[Log]) -> None:
        """The policy as an ordinary checkpoint with its log, under the final name once it is whole."""
        policy.save_pretrained(self.partial)
        tokenizer.save_pretrained(self.partial)
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        write_manifest(self.partial, {"key": self.key, "log": list(log)})
        if self.out.exists():
            self.out.rmdir()
        self.partial.rename(self.out)


def _hash(cases: Sequence[Case]) -> str:
    said = [[case.case_id, [list(message) for message in case.messages]] for case in cases]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode("utf-8")).hexdigest()
