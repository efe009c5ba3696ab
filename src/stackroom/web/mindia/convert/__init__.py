"""From what is asked to what the library understands, and from what it knows to what is told. Pure."""
