"""What helps an author to write runbooks: a document to start from, and forms for editors and code
hosts."""
