"""What could be wrong with a run: a file a check of the verb `audit`, each a row with its traffic light."""
