"""Times of day for modelwright."""
