"""From the library to the wire and back, purely."""
