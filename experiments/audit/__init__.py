"""Working on the audit queue of a run, from the command line.

- `run_queue`: where a run's queue is, and the heads of its trail
- `commands`, `cli`: what `oversight audit` does
- `exchange`: cases out as JSONL, Argilla or Label Studio; decisions in
- `accuracy`: how well auditors judge, by gold cases and by Dawid and Skene
- `proposals`: changes to what the run is supervised by; `critiques`: critiques sampled for audit
- `keys`: the keys of whoever audits; `diff`: what a revision changes, word by word
- `view`: cases on a terminal
- `page`: the page of `oversight audit serve`; `page_cli`: its commands
"""
