"""``access.lock.md``: what everybody can do, as the administrators accepted it."""
