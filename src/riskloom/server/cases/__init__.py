"""Cases: what people make of the alerts about one entity, and the labels that come of it."""
