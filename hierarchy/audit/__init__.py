"""The human-audit queue: where parked cases wait, who may answer them, and how a decision gets back to the run.

- `records`: `Item`, `Claim`, `Decision`, `OutboxRow`, `Counts`, `State`, `POLICY`
- `queue`: `AuditQueue`
- `auditors`: `SimulatedAuditorSpec`, `RecordedAuditorSpec`, `HumanSpec`, `Truth`, `work`
- `design`: `DesignSpec`, `Chances`, `Draw`, `chances`, `draw`: which released cases are sampled for audit
- `sample_store`: `SampleStore`, `Sample`, `Answer`
- `safe_text`: `visible`
- `schema`: the tables
"""
