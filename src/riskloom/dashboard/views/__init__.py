"""The pages; each has a `render` that draws it."""
