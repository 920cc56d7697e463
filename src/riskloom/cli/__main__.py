"""`python -m riskloom.cli` is the same as `riskloom`."""

from riskloom.cli.main import main

main()
