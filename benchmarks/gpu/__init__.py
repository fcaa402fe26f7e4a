"""What gpu.py is made of: the cases, their checks, fits on both devices, times."""
