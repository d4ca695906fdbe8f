"""Cloud assemblies and templates, read and resolved; what nobody has read is refused."""
