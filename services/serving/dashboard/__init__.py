"""The dashboard: what runs, predictions, experiments, and which version is champion by whom."""
