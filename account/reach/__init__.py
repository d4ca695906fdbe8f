"""What everybody else in the account can do to what is ours."""
