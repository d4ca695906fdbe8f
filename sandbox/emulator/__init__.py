"""The seam with the emulator: what is put right in ministack, and everything imported from it."""
