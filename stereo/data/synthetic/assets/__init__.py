"""What surfaces show and objects look like: painted patterns, photographs, and shapes."""
