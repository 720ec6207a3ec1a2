"""What was found, as frozen records without behaviour: figures, arms, models, labels, transcripts, a run's results.

`experiments.statistics` makes the intervals, `experiments.report` and `experiments.terminal` show them. A rate never
stands without its interval, and what is not known is None, never 0.
"""
