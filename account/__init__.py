"""The live account: whether what exists in it is what was accepted. Knows AWS's APIs and the access
review, and nothing of the code that writes the templates."""
