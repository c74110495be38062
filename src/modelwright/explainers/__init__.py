"""Why a run says what it says: a file a method of the verb `explain`, each measured for its faithfulness."""
