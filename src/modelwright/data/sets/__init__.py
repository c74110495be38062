"""Named data sets by field: each file has `SETS`, found by `catalogue`."""
