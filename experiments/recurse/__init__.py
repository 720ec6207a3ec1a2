"""Round after round: a base, its hierarchy, what the hierarchy settled as data, the base that learnt from it, again."""
