"""report.html: an evaluation as one page that needs nothing else, neither files beside it nor a network."""
