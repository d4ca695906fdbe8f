"""What must hold in every account, one module for each persona."""
