"""`riskloom ingest`."""
def ingest() -> None:
    """x"""
