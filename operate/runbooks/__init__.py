"""The runbooks that the caller can see: listed, described, and the parameters of a start."""
