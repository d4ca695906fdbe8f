"""The check of runbooks: shape, meaning and delegation, before anything is synthesized."""
