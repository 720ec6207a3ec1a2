"""What is looked at before anything trains, a noun per file; docs/training-data.md has every definition.

`columns` what is read of a set · `duplicates` · `contamination` · `distinct`, `self_bleu`, `vendi` how varied it is ·
`drift` against the base's own answers · `coverage` of principles · `noise` of labels · `summary` all of it of one set ·
`gate` the limits, and the error that stops a training.
"""
