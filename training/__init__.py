"""What is learnt: datasets from consensus, losses and fine-tuning."""

from constitutions.guard import require_our_agents

require_our_agents()
