"""The human-audit queue: where parked cases wait, who may answer them, and how a decision gets back to the run.

The contract is docs/audit.md. What others build on:

- `queue`: `AuditQueue`, the one door for claims, decisions, undoing, appeals, policy and outbox
- `records`: `Item`, `ItemKey`, `Claim`, `OutboxRow`, `Counts`, `Appeal`, `State`, `Kind`, `POLICY`
- `decision`: `Decision`; `errors`: what is refused, with HTTP statuses
- `gold`: `GoldCases` (`queue.gold`); `drafts`: `Drafts` (`queue.drafts`); `trail`: `Trail` (`queue.trail`)
- `desk`: `Desk` (`queue.desk`), a person's skips, undoing and progress; `access`: `Access` (`queue.access`), tokens,
  roles and sessions of the page
- `reading`: decisions that may be seen, and by whom; `verify`: whether the tables are what the trail says
- `auditors`: `SimulatedAuditorSpec`, `RecordedAuditorSpec`, `HumanSpec`, `Truth`, `work`; `labour`: their day
- `design`: `DesignSpec`, `Chances`, `Draw`, `chances`, `draw`: which released cases are sampled for audit
- `sample_store`: `SampleStore`, `Sample`, `Answer`
- `safe_text`: `visible`, `revealed`

Inside: `store`, `leases`, `deciding` and `handover` (the parts of the queue), `schema` (tables and triggers), `rows`,
`find`, `claims`, `enqueue`, `settle`, `undo`.
"""
