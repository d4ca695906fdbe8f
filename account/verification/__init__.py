"""What this project assumes of AWS and could not try: probes for a throwaway account."""
