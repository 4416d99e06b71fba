"""Questions: what a turn costs, and how long one waits for it."""
