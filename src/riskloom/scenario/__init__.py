"""Everything declared for one kind of event: read, checked as a whole, and held as one immutable value."""
