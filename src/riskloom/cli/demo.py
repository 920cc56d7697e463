"""`riskloom demo`."""
def demo() -> None:
    """x"""
