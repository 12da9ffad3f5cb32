"""Where code comes from: repositories, object storage, uploaded bundles, and this machine's copies."""
