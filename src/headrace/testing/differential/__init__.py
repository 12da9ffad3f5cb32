"""Our server beside a server of the contract: the same requests, and where the answers differ."""
