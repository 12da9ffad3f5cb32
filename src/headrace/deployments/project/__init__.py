"""The deployment file, `headrace.yaml` or `prefect.yaml`: reading it, deploying from it, writing it."""
