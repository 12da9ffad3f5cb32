"""Stand-ins for object storages: what the vendors' own clients ask of them, kept in memory."""
