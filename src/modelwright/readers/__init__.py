"""Where rows come from besides files of rows: one file a reader, chosen by the key of `data` that bears its name."""
