"""What follows from the samples: the document of ``schema.json``, the table for the terminal, the page."""
