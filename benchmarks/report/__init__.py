"""How benchmarks measure in turns, and write their tables and plots."""
