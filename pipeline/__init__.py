"""What a pipeline runs: reviews of changes, and deployments of what was reviewed.

Works on cloud assemblies, git and AWS's APIs alone, on any CI service and on a workstation.
"""
