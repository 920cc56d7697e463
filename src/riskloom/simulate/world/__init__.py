"""The made-up world behind the simulated payments: its places, merchants, customers and trips."""
