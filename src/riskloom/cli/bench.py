"""`riskloom bench`."""


def bench() -> None:
    """x"""
