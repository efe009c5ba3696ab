"""The words of the Pictograph protocol, as they stand in JSON: one file for each part of it."""
