"""Where rows come from, how they are split, encoded once, and cut into batches.

The doors: `reading.read`, `splitting.split` and `folds`, `encoding.fit`, `encode` and `sources`, `batches.Batches`,
`augmentation.build`, `catalogue.names`. Knows nothing of models or training.
"""
