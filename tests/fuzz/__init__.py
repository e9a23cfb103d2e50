"""Files of strangers, made by code, for everything that reads files."""
