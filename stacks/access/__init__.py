"""Who may do what: the constructs of users, groups, roles and policies."""
