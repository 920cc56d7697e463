"""Who is linked with whom: entities seen together in events, their neighbourhoods, components and rings.

Pure: it is given keys, times and amounts of events in arrival order and what they turned out to be, and
answers from memory. Nothing here reads a file, a database or a clock; all of it can be built again from the
log.
"""
