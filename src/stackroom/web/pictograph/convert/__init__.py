"""Between the library's words and Pictograph's, in both directions. Nothing here decides anything."""
