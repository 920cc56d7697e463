"""`riskloom simulate`."""
def simulate() -> None:
    """x"""
