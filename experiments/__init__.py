"""What is asked: configs, runs, metrics, statistics, reports, the microworld and the command line.

The command line calls `constitutions.guard.require_our_agents` itself, to answer without a traceback.
"""
