"""Effective access: what each principal can do, with every Allow statement accounted for."""
