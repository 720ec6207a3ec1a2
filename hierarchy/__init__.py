"""How oversight is arranged: graph, plan, routing, consensus, executors, journal and audit queue."""

from constitutions.guard import require_our_agents

require_our_agents()
