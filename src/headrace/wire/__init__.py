"""Every JSON shape that crosses the wire, one module per noun."""
