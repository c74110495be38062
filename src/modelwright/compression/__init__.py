"""Making runs smaller and faster: a file a step of the verb `compress`, which chain."""
