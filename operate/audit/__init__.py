"""Who did what through the service roles: runs joined with the event history of the account."""
