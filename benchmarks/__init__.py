"""The figures of docs/figures.md, measured in one run, alternately, as ratios of medians."""
