"""The design of every page: one style sheet, one frame, and the parts that pages are made of."""
