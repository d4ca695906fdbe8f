"""The account that templates make: principals, runbooks, and how policies reach them."""
