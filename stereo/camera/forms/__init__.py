"""The forms of calibration files, one a module: `recognizes` a file by its content, and `read` a pair from it."""
