"""What each overseer contributes to an arm's results: leave-one-out and Shapley value over its reviewing steps."""
