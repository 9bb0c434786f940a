"""Reports on runs: an HTML page and a listing."""
