"""What deployments.py is written with, one module for each noun."""
