"""Personal data, encrypted runs, differentially private and federated training."""
