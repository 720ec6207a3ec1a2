"""Reward hacking: a reward learnt from the hierarchy's verdicts, pressed harder and harder, beside the oracle."""
