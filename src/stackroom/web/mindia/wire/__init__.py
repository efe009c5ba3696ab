"""What is on the wire, in the words of the protocol."""
