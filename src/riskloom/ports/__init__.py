"""Ports: what the rooms ask of drivers, as Protocols. A driver lives in `adapters`, and nowhere else."""
