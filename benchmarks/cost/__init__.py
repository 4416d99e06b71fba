"""`python -m benchmarks.cost`: what a stage costs a month, as docs/cost.md has it."""
