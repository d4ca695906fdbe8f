"""What a change of templates does to access, and every difference that it does not explain."""
