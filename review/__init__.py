"""The access review: who can do what, proved from synthesized templates alone.

It reads a cloud assembly and imports neither ``stacks`` nor ``delegation``, so that it shares no
mistake with the code that wrote the templates.
"""
